#include "nn/vit.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/ops.h"

#include <stdlib.h>
#include <string.h>

/* S image size, P patch size, G = S/P patches a side, T = 1 + G*G tokens, D width, E embedding. */
struct vit {
	struct vision_config config;
	size_t projection_dim;
	const float *class_embedding;    /* (D) */
	const float *position_embedding; /* (T, D) */
	struct linear patch_embedding;   /* (D, 3*P*P) */
	struct norm pre_norm, post_norm;
	struct transformer transformer;
	struct linear projection; /* (E, D) */
	float *settled;           /* what the blocks of patch_embedding and projection lie in */
};

static size_t patches_of(const struct vit *vit)
{
	size_t side = vit->config.image_size / vit->config.patch_size;
	return side * side;
}

clipcls_status vit_load(struct vit **out, struct checkpoint *checkpoint, enum weight_form form,
                        struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct weight_list list = { .form = form };
	*out = NULL;
	struct vit *vit = memory_new(1, sizeof *vit);
	if (vit == NULL)
		return error_memory(error);
	vit->config = config->vision;
	vit->projection_dim = config->projection_dim;
	size_t D = config->vision.transformer.width, P = config->vision.patch_size;
	weight_want(&list, &vit->class_embedding, "vision_model.embeddings.class_embedding");
	weight_want(&list, &vit->position_embedding,
	            "vision_model.embeddings.position_embedding.weight");
	weight_want_linear(&list, &vit->patch_embedding, "vision_model.embeddings.patch_embedding", D,
	                   3 * P * P, false);
	weight_want_norm(&list, &vit->pre_norm, "vision_model.pre_layrnorm");
	weight_want_norm(&list, &vit->post_norm, "vision_model.post_layernorm");
	weight_want_linear(&list, &vit->projection, "visual_projection", config->projection_dim, D,
	                   false);
	clipcls_status status = transformer_want(&vit->transformer, &config->vision.transformer,
	                                         "vision_model.encoder", &list, error);
	clipcls_status fetched =
	    weight_fetch(&list, checkpoint, pool, status == CLIPCLS_OK ? error : NULL);
	status = status == CLIPCLS_OK ? fetched : status;
	if (status != CLIPCLS_OK) {
		vit_free(vit);
		return status;
	}
	/* No file has these in blocks. Rearranging them once costs what it costs for one picture. */
	struct linear *const ends[] = { &vit->patch_embedding, &vit->projection };
	vit->settled = weights_settle(ends, sizeof ends / sizeof *ends, pool);
	*out = vit;
	return CLIPCLS_OK;
}

void vit_free(struct vit *vit)
{
	if (vit == NULL)
		return;
	transformer_free(&vit->transformer);
	free(vit->settled);
	free(vit);
}

void vit_settle(struct vit *vit, struct pool *pool)
{
	transformer_settle(&vit->transformer, pool);
}

clipcls_status vit_lower(struct vit *vit, enum low_type type, struct pool *pool,
                         clipcls_error *error)
{
	return transformer_lower(&vit->transformer, type, 1 + patches_of(vit), pool, error);
}

void vit_raise(struct vit *vit)
{
	transformer_raise(&vit->transformer);
}

static struct attention_rows rows_of(const struct vit *vit, size_t n)
{
	size_t T = 1 + patches_of(vit);
	return (struct attention_rows){ .count = n * T, .tokens = T };
}

size_t vit_scratch(const struct vit *vit, size_t n, size_t threads)
{
	size_t D = vit->config.transformer.width, P = vit->config.patch_size;
	struct attention_rows rows = rows_of(vit, n);
	size_t blocks = transformer_scratch(&vit->transformer, &rows, threads);
	size_t patches = n * patches_of(vit);
	size_t embedding = arena_size_of(patches * 3 * P * P) + arena_size_of(patches * D);
	return arena_size_of(rows.count * D) + arena_size_of(n) + size_max(blocks, embedding);
}

/* One picture's patches as rows: the convolution with stride P as a matrix product.
 * out: (G*G, 3*P*P).   pixels: (3, S, S). */
static void cut_patches(float *out, const float *pixels, size_t S, size_t P)
{
	for (size_t y = 0; y < S; y += P)
		for (size_t x = 0; x < S; x += P)
			for (size_t channel = 0; channel < 3; channel++)
				for (size_t row = 0; row < P; row++, out += P)
					memcpy(out, pixels + (channel * S + y + row) * S + x, P * sizeof *out);
}

/* x: (n*T, D) = class token and patches, plus positions, layer-normed. */
static void embed_patches(float *x, const float *pixels, size_t n, const struct vit *vit,
                          struct arena *arena, struct pool *pool)
{
	size_t S = vit->config.image_size, P = vit->config.patch_size, K = 3 * P * P;
	size_t D = vit->config.transformer.width, patches = patches_of(vit), mark = arena->used;
	float *cut = arena_floats(arena, n * patches * K);
	float *embedded = arena_floats(arena, n * patches * D);
	for (size_t i = 0; i < n; i++)
		cut_patches(cut + i * patches * K, pixels + i * 3 * S * S, S, P);
	linear_apply(embedded, cut, (struct row_tiles){ n, patches }, &vit->patch_embedding, LINEAR_SET,
	             pool);
	for (size_t i = 0; i < n; i++) {
		float *image = x + i * (1 + patches) * D;
		memcpy(image, vit->class_embedding, D * sizeof *image);
		memcpy(image + D, embedded + i * patches * D, patches * D * sizeof *image);
		add(image, vit->position_embedding, (1 + patches) * D);
	}
	layernorm(x, x, vit->pre_norm.weight, vit->pre_norm.bias, n * (1 + patches), D,
	          vit->config.transformer.layer_norm_eps);
	arena->used = mark;
}

void vit_forward(float *out, const float *pixels, size_t n, const struct vit *vit,
                 struct arena *arena, struct pool *pool)
{
	size_t D = vit->config.transformer.width, E = vit->projection_dim, mark = arena->used;
	struct attention_rows rows = rows_of(vit, n);
	float *x = arena_floats(arena, rows.count * D);
	uint32_t *class_rows = (uint32_t *)(void *)arena_floats(arena, n);
	for (size_t i = 0; i < n; i++)
		class_rows[i] = (uint32_t)(i * rows.tokens);

	embed_patches(x, pixels, n, vit, arena, pool);
	transformer_forward(x, &vit->transformer, &rows, class_rows, n, arena, pool);
	layernorm(x, x, vit->post_norm.weight, vit->post_norm.bias, n, D,
	          vit->config.transformer.layer_norm_eps);
	linear_apply(out, x, (struct row_tiles){ n, 1 }, &vit->projection, LINEAR_SET, pool);
	for (size_t i = 0; i < n; i++)
		normalize(out + i * E, E);
	arena->used = mark;
}
