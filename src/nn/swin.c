/* Swin transformers: stages of blocks in shifted windows, and four patches merged into one between
 * them. Liu et al. 2021; timm's swin_transformer.py behind open_clip's TimmModel. */
#include "base/memory.h"
#include "nn/chunks.h"
#include "nn/ops.h"
#include "nn/patches.h"
#include "nn/swin_block.h"
#include "nn/tower_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pictures of a forward pass: the rows of the last stage, 49 a picture, are then enough for
 * products to run near the machine's limit. */
#define BATCH 8
/* Rows that are embedded or merged together. */
#define ROWS_PER_CHUNK 400

/* G patches of a side, D width, w window, T = w*w; of a stage. C width of the stage before. */
struct stage {
	struct swin_stage shape;
	struct norm merge_norm;  /* (4*C); of the second stage and the later ones, like the next */
	struct linear reduction; /* (D, 4*C) */
	struct swin_block *blocks;
	uint32_t *maps; /* (2, G*G): windows as they are, and shifted */
};

/* S image size, P patch size, E embedding. */
struct swin {
	struct vision_config config;
	size_t projection_dim;
	struct linear patch_embedding; /* (D, 3*P*P) */
	struct norm patch_norm;        /* (D) of the first stage */
	struct stage stages[SWIN_STAGES];
	struct norm norm;         /* (D) of the last stage */
	struct linear projection; /* (E, D) */
	float *masks;             /* (WINDOW_MASKS, T, Tp); stages that shift have the same windows */
	float *biases;            /* of all blocks */
	float *settled_ends;      /* what the blocks of the ends lie in */
	float *settled;           /* what those of all other linears lie in */
};

static double eps_of(const struct swin *swin)
{
	return swin->config.swin.layer_norm_eps;
}

/* ---- weights -------------------------------------------------------------------------------- */

static void want_stage(struct stage *stage, size_t index, struct weight_list *list)
{
	size_t D = stage->shape.width;
	char name[64];
	if (index > 0) {
		snprintf(name, sizeof name, "vision_model.layers.%zu.downsample.norm", index);
		weight_want_norm(list, &stage->merge_norm, name);
		snprintf(name, sizeof name, "vision_model.layers.%zu.downsample.reduction", index);
		weight_want_linear(list, &stage->reduction, name, D, 2 * D, false);
	}
	stage->blocks = memory_new(stage->shape.layers, sizeof *stage->blocks);
	list->failed |= stage->blocks == NULL;
	for (size_t layer = 0; !list->failed && layer < stage->shape.layers; layer++)
		swin_block_want(&stage->blocks[layer], &stage->shape, index, layer, list);
}

static void want_all(struct swin *swin, struct weight_list *list)
{
	const struct swin_config *config = &swin->config.swin;
	size_t P = config->patch_size, last = swin->stages[SWIN_STAGES - 1].shape.width;
	weight_want_linear(list, &swin->patch_embedding, "vision_model.patch_embed.proj", config->width,
	                   3 * P * P, true);
	weight_want_norm(list, &swin->patch_norm, "vision_model.patch_embed.norm");
	for (size_t i = 0; i < SWIN_STAGES; i++)
		want_stage(&swin->stages[i], i, list);
	weight_want_norm(list, &swin->norm, "vision_model.norm");
	weight_want_linear(list, &swin->projection, "visual_projection", swin->projection_dim, last,
	                   config->projection_bias);
}

/* Floats of a block's bias; a file's numbers may be too large. */
static bool bias_floats(size_t *out, const struct swin_stage *shape)
{
	size_t rows;
	return size_mul(shape->heads, shape->window * shape->window, &rows) &&
	       size_mul(rows, window_pitch(shape->window), out);
}

static bool all_bias_floats(size_t *out, const struct swin *swin)
{
	bool fits = true;
	*out = 0;
	for (size_t i = 0; fits && i < SWIN_STAGES; i++) {
		const struct swin_stage *shape = &swin->stages[i].shape;
		size_t floats = 0;
		fits = bias_floats(&floats, shape) && size_mul(floats, shape->layers, &floats) &&
		       size_add(*out, floats, out);
	}
	return fits;
}

/* Where a block's windows lie, and the biases of its positions, written at `bias`. */
static void place_block(struct swin_block *block, const struct stage *stage, bool shifted,
                        const float *masks, float *bias)
{
	size_t side = stage->shape.side;
	window_bias_fill(bias, block->table, stage->shape.window, stage->shape.heads);
	block->bias = bias;
	block->map = stage->maps + (shifted ? side * side : 0);
	block->masks = shifted && stage->shape.shift > 0 ? masks : NULL;
}

/* Everything that follows from the config and the tables of relative positions. */
static clipcls_status place_windows(struct swin *swin, clipcls_error *error)
{
	size_t total, window = swin->config.swin.window_size, per_block = 0;
	if (!all_bias_floats(&total, swin))
		return error_memory(error);
	swin->biases = memory_floats(total);
	swin->masks = memory_floats(WINDOW_MASKS * window * window * window_pitch(window));
	if (swin->biases == NULL || swin->masks == NULL)
		return error_memory(error);
	window_masks_fill(swin->masks, window, window / 2);
	float *bias = swin->biases;
	for (size_t i = 0; i < SWIN_STAGES; i++) {
		struct stage *stage = &swin->stages[i];
		const struct swin_stage *shape = &stage->shape;
		size_t patches = shape->side * shape->side;
		stage->maps = memory_new(2 * patches, sizeof *stage->maps);
		if (stage->maps == NULL)
			return error_memory(error);
		window_map_fill(stage->maps, shape->side, shape->window, 0);
		window_map_fill(stage->maps + patches, shape->side, shape->window, shape->shift);
		bias_floats(&per_block, shape);
		for (size_t layer = 0; layer < shape->layers; layer++, bias += per_block)
			place_block(&stage->blocks[layer], stage, layer % 2 == 1, swin->masks, bias);
	}
	return CLIPCLS_OK;
}

static void swin_free(void *tower)
{
	struct swin *swin = tower;
	if (swin == NULL)
		return;
	for (size_t i = 0; i < SWIN_STAGES; i++) {
		free(swin->stages[i].blocks);
		free(swin->stages[i].maps);
	}
	free(swin->masks);
	free(swin->biases);
	free(swin->settled_ends);
	free(swin->settled);
	free(swin);
}

static clipcls_status swin_load(void **out, struct checkpoint *checkpoint, enum weight_form form,
                                struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct weight_list list = { .form = form };
	struct swin *swin = memory_new(1, sizeof *swin);
	if (swin == NULL)
		return error_memory(error);
	swin->config = config->vision;
	swin->projection_dim = config->projection_dim;
	for (size_t i = 0; i < SWIN_STAGES; i++)
		swin->stages[i].shape = swin_stage_of(&swin->config, i);
	want_all(swin, &list);
	clipcls_status status = weight_fetch(&list, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		status = place_windows(swin, error);
	if (status != CLIPCLS_OK) {
		swin_free(swin);
		return status;
	}
	/* No file has these in blocks. */
	struct linear *ends[] = { &swin->patch_embedding, &swin->projection };
	swin->settled_ends = weights_settle(ends, sizeof ends / sizeof *ends, pool);
	*out = swin;
	return CLIPCLS_OK;
}

static void swin_settle(void *tower, struct pool *pool)
{
	struct swin *swin = tower;
	size_t count = 0, layers = 0;
	for (size_t i = 0; i < SWIN_STAGES; i++)
		layers += swin->stages[i].shape.layers;
	if (swin->settled != NULL || swin->stages[0].blocks[0].q.blocks != NULL)
		return;
	struct linear **linears =
	    memory_new(layers * SWIN_BLOCK_LINEARS + SWIN_STAGES - 1, sizeof(struct linear *));
	if (linears == NULL)
		return;
	for (size_t i = 0; i < SWIN_STAGES; i++) {
		struct stage *stage = &swin->stages[i];
		for (size_t layer = 0; layer < stage->shape.layers; layer++, count += SWIN_BLOCK_LINEARS)
			swin_block_linears(linears + count, &stage->blocks[layer]);
		if (i > 0)
			linears[count++] = &stage->reduction;
	}
	swin->settled = weights_settle(linears, count, pool);
	free(linears);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Rows of patches, which the pictures' patches are embedded and merged by. */
struct row_job {
	float *out;      /* (n, G*G, D) of the stage */
	const float *in; /* pixels, or (n, 2G*2G, C) of the stage before */
	const struct swin *swin;
	const struct stage *stage;
	float *gathered; /* of every worker */
	size_t gathered_stride;
};

static void embed_rows(void *context, size_t first, size_t count, size_t worker, struct pool *inner)
{
	const struct row_job *job = context;
	const struct swin *swin = job->swin;
	size_t S = swin->config.image_size, P = swin->config.swin.patch_size, K = 3 * P * P;
	size_t G = job->stage->shape.side, D = job->stage->shape.width;
	float *cut = job->gathered + worker * job->gathered_stride, *out = job->out + first * G * D;
	for (size_t i = 0; i < count; i++)
		cut_patches(cut + i * G * K, job->in + (first + i) / G * 3 * S * S, S, P,
		            (first + i) % G * P);
	linear_apply(out, cut, (struct row_tiles){ count, G }, &swin->patch_embedding, LINEAR_SET,
	             inner);
	layernorm(out, out, swin->patch_norm.weight, swin->patch_norm.bias, count * G, D, eps_of(swin));
}

/* Four patches that become one stand in timm's order: down, then to the right. */
static void merge_rows(void *context, size_t first, size_t count, size_t worker, struct pool *inner)
{
	const struct row_job *job = context;
	const struct stage *stage = job->stage;
	size_t G = stage->shape.side, D = stage->shape.width, C = D / 2, C4 = 4 * C;
	float *four = job->gathered + worker * job->gathered_stride, *to = four;
	for (size_t row = first; row < first + count; row++)
		for (size_t x = 0; x < 2 * G; x++)
			for (size_t y = 0; y < 2; y++, to += C)
				memcpy(to, job->in + ((2 * row + y) * 2 * G + x) * C, C * sizeof *to);
	layernorm(four, four, stage->merge_norm.weight, stage->merge_norm.bias, count * G, C4,
	          eps_of(job->swin));
	linear_apply(job->out + first * G * D, four, (struct row_tiles){ count, G }, &stage->reduction,
	             LINEAR_SET, inner);
}

/* Values of a patch on its way into the stage. */
static size_t gathered_width(const struct swin *swin, size_t stage)
{
	size_t P = swin->config.swin.patch_size;
	return stage == 0 ? 3 * P * P : 2 * swin->stages[stage].shape.width;
}

static size_t rows_chunk(const struct swin *swin, size_t stage, size_t n)
{
	size_t G = swin->stages[stage].shape.side;
	return chunk_of(n * G, G, ROWS_PER_CHUNK);
}

static size_t gathered_floats(const struct swin *swin, size_t stage, size_t n)
{
	size_t G = swin->stages[stage].shape.side;
	return arena_size_of(rows_chunk(swin, stage, n) * G * gathered_width(swin, stage));
}

/* out: what the stage's blocks work on. in: the pixels, or what the stage before gave. */
static void enter_stage(float *out, const float *in, size_t n, const struct swin *swin,
                        size_t stage, struct arena *arena, struct pool *pool)
{
	size_t mark = arena->used;
	struct row_job job = { .out = out,
		                   .in = in,
		                   .swin = swin,
		                   .stage = &swin->stages[stage],
		                   .gathered_stride = gathered_floats(swin, stage, n) };
	job.gathered = arena_floats(arena, pool_threads(pool) * job.gathered_stride);
	const struct chunks chunks = { .tiles = n * job.stage->shape.side,
		                           .per_chunk = rows_chunk(swin, stage, n),
		                           .run = stage == 0 ? embed_rows : merge_rows,
		                           .context = &job };
	chunks_run(&chunks, pool);
	arena->used = mark;
}

/* Floats of all n pictures' patches in a stage. */
static size_t stage_floats(const struct swin *swin, size_t stage, size_t n)
{
	const struct swin_stage *shape = &swin->stages[stage].shape;
	return n * shape->side * shape->side * shape->width;
}

static size_t swin_scratch(const void *tower, size_t n, size_t threads)
{
	const struct swin *swin = tower;
	size_t most = 0, last = swin->stages[SWIN_STAGES - 1].shape.width;
	for (size_t i = 0; i < SWIN_STAGES; i++) {
		most = size_max(most, swin_block_scratch(&swin->stages[i].shape, n, threads));
		most = size_max(most, arena_size_of(threads * gathered_floats(swin, i, n)));
	}
	return most + arena_size_of(stage_floats(swin, 0, n)) +
	       arena_size_of(stage_floats(swin, 1, n)) + arena_size_of(n * last);
}

static void swin_forward(float *out, const float *pixels, size_t n, const void *tower,
                         struct arena *arena, struct pool *pool)
{
	const struct swin *swin = tower;
	const struct swin_stage *last = &swin->stages[SWIN_STAGES - 1].shape;
	size_t mark = arena->used, patches = last->side * last->side, D = last->width;
	/* Stages take turns: each has half the floats of the one before. */
	float *x[2] = { arena_floats(arena, stage_floats(swin, 0, n)),
		            arena_floats(arena, stage_floats(swin, 1, n)) };
	float *pooled = arena_floats(arena, n * D), *rows = NULL;
	const float *in = pixels;
	for (size_t i = 0; i < SWIN_STAGES; i++, in = rows) {
		const struct stage *stage = &swin->stages[i];
		rows = x[i % 2];
		enter_stage(rows, in, n, swin, i, arena, pool);
		for (size_t layer = 0; layer < stage->shape.layers; layer++)
			swin_block_forward(rows, n, &stage->blocks[layer], &stage->shape, eps_of(swin), arena,
			                   pool);
	}
	layernorm(rows, rows, swin->norm.weight, swin->norm.bias, n * patches, D, eps_of(swin));
	for (size_t i = 0; i < n; i++)
		mean_rows(pooled + i * D, rows + i * patches * D, patches, D);
	linear_apply(out, pooled, (struct row_tiles){ n, 1 }, &swin->projection, LINEAR_SET, pool);
	arena->used = mark;
}

/* ---- of the config alone -------------------------------------------------------------------- */

static size_t swin_batch(const struct model_config *config)
{
	(void)config;
	return BATCH;
}

/* Multiply-adds count as two. */
static void swin_work(struct image_tower_work *out, const struct model_config *config)
{
	const struct vision_config *vision = &config->vision;
	double flops = 0;
	for (size_t i = 0; i < SWIN_STAGES; i++) {
		const struct swin_stage shape = swin_stage_of(vision, i);
		double R = (double)(shape.side * shape.side), D = (double)shape.width;
		double P = (double)vision->swin.patch_size, T = (double)(shape.window * shape.window);
		double block = 2 * R * D * (4 * D + 2 * (double)shape.mlp_width + 2 * T);
		flops += 2 * R * D * (i == 0 ? 3 * P * P : 2 * D) + (double)shape.layers * block;
	}
	flops += 2 * (double)(vision->swin.width << (SWIN_STAGES - 1)) * (double)config->projection_dim;
	*out = (struct image_tower_work){ .defined = flops, .computed = flops };
}

const struct image_tower_ops swin_ops = { .load = swin_load,
	                                      .free = swin_free,
	                                      .settle = swin_settle,
	                                      .forward = swin_forward,
	                                      .scratch = swin_scratch,
	                                      .batch = swin_batch,
	                                      .work = swin_work };
