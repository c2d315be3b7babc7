/* Vision transformers. Radford et al. 2021, section 2.4; Zhai et al. 2022 and 2023 (SigLIP). */
#include "base/checked.h"
#include "base/memory.h"
#include "nn/map_pool.h"
#include "nn/ops.h"
#include "nn/patches.h"
#include "nn/position_grid.h"
#include "nn/tower_kinds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a forward pass that a product needs to run near the machine's limit; more only costs
 * cache. Eight B/32 pictures are 400 rows. */
#define ROWS_PER_BATCH 400
#define MOST_PER_BATCH 64

/* S image size, P patch size, G = floor(S/P) patches a side, T = G*G tokens and one more with a
 * class token, D width, E embedding. */
struct vit {
	struct vit_config config;
	size_t image_size, projection_dim;
	const float *class_embedding;    /* (D) */
	const float *position_embedding; /* (T, D) */
	struct linear patch_embedding;   /* (D, 3*P*P) */
	struct norm pre_norm, post_norm;
	struct transformer transformer;
	struct map_pool map;
	struct linear projection; /* (E, D) */
	float *resized;           /* position_embedding, where the file has another grid */
	float *settled;           /* what the blocks of all but the transformer's linears lie in */
};

static size_t patches_of(const struct vit *vit)
{
	size_t side = vit->image_size / vit->config.patch_size;
	return side * side;
}

static size_t tokens_of(const struct vit *vit)
{
	return patches_of(vit) + (vit->config.class_token ? 1 : 0);
}

/* ---- weights -------------------------------------------------------------------------------- */

static void want_all(struct vit *vit, struct weight_list *list)
{
	const struct vit_config *config = &vit->config;
	size_t D = config->transformer.width, P = config->patch_size;
	if (config->class_token)
		weight_want(list, &vit->class_embedding, "vision_model.embeddings.class_embedding");
	weight_want(list, &vit->position_embedding,
	            "vision_model.embeddings.position_embedding.weight");
	weight_want_linear(list, &vit->patch_embedding, "vision_model.embeddings.patch_embedding", D,
	                   3 * P * P, config->patch_bias);
	if (config->pre_norm)
		weight_want_norm(list, &vit->pre_norm, "vision_model.pre_layrnorm");
	weight_want_norm(list, &vit->post_norm, "vision_model.post_layernorm");
	if (config->pooling == VIT_POOLING_MAP)
		map_pool_want(&vit->map, &config->transformer, "vision_model.head.", list);
	if (config->projection)
		weight_want_linear(list, &vit->projection, "visual_projection", vit->projection_dim, D,
		                   config->projection_bias);
	transformer_want(&vit->transformer, &clip_blocks, &config->transformer,
	                 "vision_model.encoder.layers", list);
}

/* The angles of rotary positions, where the config has them. */
static clipcls_status rotate(struct vit *vit, clipcls_error *error)
{
	const struct vit_config *config = &vit->config;
	size_t side = vit->image_size / config->patch_size;
	if (config->rotary_side == 0)
		return CLIPCLS_OK;
	return rotary_init(&vit->transformer.rotary, side, config->rotary_side,
	                   config->class_token ? 1 : 0,
	                   config->transformer.width / config->transformer.heads, error);
}

/* No file has these in blocks. Rearranging them once costs what it costs for one picture. */
static void settle_ends(struct vit *vit, struct pool *pool)
{
	struct linear *ends[2 + MAP_POOL_LINEARS] = { &vit->patch_embedding };
	size_t n = 1;
	if (vit->config.projection)
		ends[n++] = &vit->projection;
	if (vit->config.pooling == VIT_POOLING_MAP) {
		map_pool_linears(ends + n, &vit->map);
		n += MAP_POOL_LINEARS;
	}
	vit->settled = weights_settle(ends, n, pool);
}

/* Positions of the picture's own grid. */
static clipcls_status fit_positions(struct vit *vit, clipcls_error *error)
{
	size_t D = vit->config.transformer.width, others = tokens_of(vit) - patches_of(vit), floats;
	if (vit->config.position_grid == 0)
		return CLIPCLS_OK;
	vit->resized = size_mul(tokens_of(vit), D, &floats) ? memory_floats(floats) : NULL;
	if (vit->resized == NULL)
		return error_memory(error);
	memcpy(vit->resized, vit->position_embedding, others * D * sizeof *vit->resized);
	clipcls_status status = position_grid_resize(
	    vit->resized + others * D, vit->image_size / vit->config.patch_size,
	    vit->position_embedding + others * D, vit->config.position_grid, D, error);
	vit->position_embedding = vit->resized;
	return status;
}

static void vit_free(void *tower)
{
	struct vit *vit = tower;
	if (vit == NULL)
		return;
	transformer_free(&vit->transformer);
	free(vit->settled);
	free(vit->resized);
	free(vit);
}

static clipcls_status vit_load(void **out, struct checkpoint *checkpoint, enum weight_form form,
                               struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct weight_list list = { .form = form };
	struct vit *vit = memory_new(1, sizeof *vit);
	if (vit == NULL)
		return error_memory(error);
	vit->config = config->vision.vit;
	vit->image_size = config->vision.image_size;
	vit->projection_dim = config->projection_dim;
	want_all(vit, &list);
	clipcls_status status = weight_fetch(&list, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		status = fit_positions(vit, error);
	if (status == CLIPCLS_OK)
		status = rotate(vit, error);
	if (status != CLIPCLS_OK) {
		vit_free(vit);
		return status;
	}
	settle_ends(vit, pool);
	*out = vit;
	return CLIPCLS_OK;
}

static void vit_settle(void *tower, struct pool *pool)
{
	transformer_settle(&((struct vit *)tower)->transformer, pool);
}

static clipcls_status vit_lower(void *tower, enum low_type type, struct pool *pool,
                                clipcls_error *error)
{
	struct vit *vit = tower;
	return transformer_lower(&vit->transformer, type, tokens_of(vit), pool, error);
}

static void vit_raise(void *tower)
{
	transformer_raise(&((struct vit *)tower)->transformer);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static struct attention_rows rows_of(const struct vit *vit, size_t n)
{
	size_t T = tokens_of(vit);
	return (struct attention_rows){ .count = n * T, .tokens = T };
}

static size_t vit_scratch(const void *tower, size_t n, size_t threads)
{
	const struct vit *vit = tower;
	size_t D = vit->config.transformer.width, P = vit->config.patch_size;
	struct attention_rows rows = rows_of(vit, n);
	size_t blocks = transformer_scratch(&vit->transformer, &rows, threads);
	size_t patches = n * patches_of(vit);
	size_t embedding = arena_size_of(patches * 3 * P * P) + arena_size_of(patches * D);
	size_t pooling =
	    vit->config.pooling == VIT_POOLING_MAP ? map_pool_scratch(&vit->map, &rows, threads) : 0;
	return arena_size_of(rows.count * D) + arena_size_of(n * D) + arena_size_of(n) +
	       size_max(size_max(blocks, embedding), pooling);
}

/* x: (n*T, D) = class token and patches, plus positions, layer-normed. */
static void embed_patches(float *x, const float *pixels, size_t n, const struct vit *vit,
                          struct arena *arena, struct pool *pool)
{
	size_t S = vit->image_size, P = vit->config.patch_size, K = 3 * P * P;
	size_t D = vit->config.transformer.width, patches = patches_of(vit), T = tokens_of(vit);
	size_t first = T - patches, mark = arena->used;
	float *cut = arena_floats(arena, n * patches * K);
	float *embedded = arena_floats(arena, n * patches * D);
	for (size_t i = 0; i < n; i++)
		for (size_t y = 0; y + P <= S; y += P)
			cut_patches(cut + (i * patches + y / P * (S / P)) * K, pixels + i * 3 * S * S, S, P, y);
	linear_apply(embedded, cut, (struct row_tiles){ n, patches }, &vit->patch_embedding, LINEAR_SET,
	             pool);
	for (size_t i = 0; i < n; i++) {
		float *image = x + i * T * D;
		if (vit->config.class_token)
			memcpy(image, vit->class_embedding, D * sizeof *image);
		memcpy(image + first * D, embedded + i * patches * D, patches * D * sizeof *image);
		add(image, vit->position_embedding, T * D);
	}
	if (vit->config.pre_norm)
		layernorm(x, x, vit->pre_norm.weight, vit->pre_norm.bias, n * T, D,
		          vit->config.transformer.layer_norm_eps);
	arena->used = mark;
}

static void norm_rows(float *x, const struct vit *vit, size_t rows)
{
	layernorm(x, x, vit->post_norm.weight, vit->post_norm.bias, rows, vit->config.transformer.width,
	          vit->config.transformer.layer_norm_eps);
}

/* out: (n, D) = the mean of each picture's patches, without the class token. */
static void average_patches(float *out, const float *x, size_t n, const struct vit *vit)
{
	size_t D = vit->config.transformer.width, patches = patches_of(vit), T = tokens_of(vit);
	for (size_t i = 0; i < n; i++)
		mean_rows(out + i * D, x + (i * T + T - patches) * D, patches, D);
}

/* x: (n*T, D), embedded -> pooled: (n, D). */
static void encode(float *pooled, float *x, size_t n, const struct vit *vit, struct arena *arena,
                   struct pool *pool)
{
	size_t D = vit->config.transformer.width;
	struct attention_rows rows = rows_of(vit, n);
	uint32_t *class_rows = (uint32_t *)(void *)arena_floats(arena, n);
	bool only_class = vit->config.pooling == VIT_POOLING_CLASS;
	for (size_t i = 0; i < n; i++)
		class_rows[i] = (uint32_t)(i * rows.tokens);
	transformer_forward(x, &vit->transformer, &rows, only_class ? class_rows : NULL, n, arena,
	                    pool);
	if (!vit->config.norm_after_pooling)
		norm_rows(x, vit, only_class ? n : rows.count);
	switch (vit->config.pooling) {
	case VIT_POOLING_CLASS: memcpy(pooled, x, n * D * sizeof *pooled); break;
	case VIT_POOLING_AVERAGE: average_patches(pooled, x, n, vit); break;
	case VIT_POOLING_MAP: map_pool_forward(pooled, x, &rows, &vit->map, arena, pool); break;
	}
	if (vit->config.norm_after_pooling)
		norm_rows(pooled, vit, n);
}

static void vit_forward(float *out, const float *pixels, size_t n, const void *tower,
                        struct arena *arena, struct pool *pool)
{
	const struct vit *vit = tower;
	size_t D = vit->config.transformer.width, mark = arena->used;
	float *x = arena_floats(arena, n * tokens_of(vit) * D), *pooled = arena_floats(arena, n * D);
	embed_patches(x, pixels, n, vit, arena, pool);
	encode(pooled, x, n, vit, arena, pool);
	if (vit->config.projection)
		linear_apply(out, pooled, (struct row_tiles){ n, 1 }, &vit->projection, LINEAR_SET, pool);
	else
		memcpy(out, pooled, n * D * sizeof *out);
	arena->used = mark;
}

/* ---- of the config alone -------------------------------------------------------------------- */

static size_t vit_batch(const struct model_config *config)
{
	size_t side = config->vision.image_size / config->vision.vit.patch_size;
	return size_max(1, size_min(ROWS_PER_BATCH / (1 + side * side), MOST_PER_BATCH));
}

/* Multiply-adds count as two. The last block computes its queries, and what follows, for the rows
 * that are wanted alone. */
static double block_flops(const struct transformer_config *config, double T, double rows)
{
	double D = (double)config->width, F = (double)config->mlp_width;
	double keys_values = 2 * 2 * T * D * D, queries_out = 2 * 2 * rows * D * D;
	double attention = 2 * 2 * rows * T * D;
	double mlp = 2 * (config->gated_mlp ? 3 : 2) * rows * D * F;
	return keys_values + queries_out + attention + mlp;
}

static void vit_work(struct image_tower_work *out, const struct model_config *config)
{
	const struct vit_config *vit = &config->vision.vit;
	const struct transformer_config *transformer = &vit->transformer;
	double D = (double)transformer->width, P = (double)vit->patch_size;
	double side = floor((double)config->vision.image_size / P), patches = side * side;
	double T = patches + (vit->class_token ? 1 : 0), layers = (double)transformer->layers;
	double ends = 2 * patches * 3 * P * P * D +
	              (vit->projection ? 2 * D * (double)config->projection_dim : 0);
	double full = block_flops(transformer, T, T), one = block_flops(transformer, T, 1);
	if (vit->pooling == VIT_POOLING_MAP)
		ends += one;
	out->defined = ends + layers * full;
	out->computed = out->defined + (vit->pooling == VIT_POOLING_CLASS ? one - full : 0);
}

const struct image_tower_ops vit_ops = { .load = vit_load,
	                                     .free = vit_free,
	                                     .settle = vit_settle,
	                                     .lower = vit_lower,
	                                     .raise = vit_raise,
	                                     .forward = vit_forward,
	                                     .scratch = vit_scratch,
	                                     .batch = vit_batch,
	                                     .work = vit_work };
