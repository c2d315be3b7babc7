#include "nn/swin_block.h"

#include "nn/chunks.h"
#include "nn/ops.h"

#include <stdio.h>
#include <string.h>

/* Rows that go through a block together: their activations stay in the second-level cache, and
 * weights are read once for all of them. */
#define ROWS_PER_CHUNK 400

void swin_block_linears(struct linear *out[SWIN_BLOCK_LINEARS], struct swin_block *block)
{
	struct linear *all[SWIN_BLOCK_LINEARS] = { &block->q,    &block->k,   &block->v,
		                                       &block->proj, &block->fc1, &block->fc2 };
	memcpy(out, all, sizeof all);
}

void swin_block_want(struct swin_block *block, const struct swin_stage *shape, size_t stage,
                     size_t layer, struct weight_list *list)
{
	size_t D = shape->width, F = shape->mlp_width;
	const struct {
		struct linear *linear;
		const char *name;
		size_t n, k;
	} linears[SWIN_BLOCK_LINEARS] = {
		{ &block->q, "attn.q_proj", D, D }, { &block->k, "attn.k_proj", D, D },
		{ &block->v, "attn.v_proj", D, D }, { &block->proj, "attn.proj", D, D },
		{ &block->fc1, "mlp.fc1", F, D },   { &block->fc2, "mlp.fc2", D, F },
	};
	char prefix[64], name[96];
	snprintf(prefix, sizeof prefix, "vision_model.layers.%zu.blocks.%zu", stage, layer);
	for (size_t i = 0; i < SWIN_BLOCK_LINEARS; i++) {
		snprintf(name, sizeof name, "%s.%s", prefix, linears[i].name);
		weight_want_linear(list, linears[i].linear, name, linears[i].n, linears[i].k, true);
	}
	snprintf(name, sizeof name, "%s.norm1", prefix);
	weight_want_norm(list, &block->norm1, name);
	snprintf(name, sizeof name, "%s.norm2", prefix);
	weight_want_norm(list, &block->norm2, name);
	weight_want(list, &block->table, "%s.attn.relative_position_bias_table", prefix);
}

struct block_job {
	float *x;
	const struct swin_block *block;
	const struct swin_stage *shape;
	double eps;
	float *activations; /* of every worker */
	size_t activations_stride;
	float *attention_scratch; /* of every worker */
	size_t attention_stride;
};

/* Windows of one picture. */
static size_t windows_of(const struct swin_stage *shape)
{
	return shape->side / shape->window * (shape->side / shape->window);
}

static size_t chunk_windows(const struct swin_stage *shape, size_t n)
{
	return chunk_of(n * windows_of(shape), shape->window * shape->window, ROWS_PER_CHUNK);
}

/* Of one worker, R rows: residual and layer-normed rows (R, D) each, and what is behind them: q, k
 * and v (R, D), then the MLP's (R, F). */
static size_t activations_floats(const struct swin_stage *shape, size_t n)
{
	size_t R = chunk_windows(shape, n) * shape->window * shape->window, D = shape->width;
	return arena_size_of(R * (2 * D + size_max(3 * D, shape->mlp_width)));
}

size_t swin_block_scratch(const struct swin_stage *shape, size_t n, size_t threads)
{
	return arena_size_of(threads * activations_floats(shape, n)) +
	       arena_size_of(
	           window_attention_scratch(shape->window, shape->width / shape->heads, threads));
}

/* rows: (count*T, D) = the tokens of the windows from `first` on, or those = rows. */
static void copy_windows(float *rows, const struct block_job *job, size_t first, size_t count,
                         bool back)
{
	size_t D = job->shape->width, patches = job->shape->side * job->shape->side;
	size_t T = job->shape->window * job->shape->window;
	for (size_t row = first * T; row < (first + count) * T; row++, rows += D) {
		float *patch = job->x + (row / patches * patches + job->block->map[row % patches]) * D;
		memcpy(back ? patch : rows, back ? rows : patch, D * sizeof *rows);
	}
}

static void run_windows(void *context, size_t first, size_t count, size_t worker,
                        struct pool *inner)
{
	const struct block_job *job = context;
	const struct swin_stage *shape = job->shape;
	const struct swin_block *block = job->block;
	size_t D = shape->width, T = shape->window * shape->window, R = count * T;
	const struct row_tiles tiles = { count, T };
	const struct window_attention attention = { .bias = block->bias,
		                                        .masks = block->masks,
		                                        .window = shape->window,
		                                        .per_side = shape->side / shape->window,
		                                        .D = D,
		                                        .H = shape->heads };
	float *rows = job->activations + worker * job->activations_stride;
	float *h = rows + R * D, *q = h + R * D, *k = q + R * D, *v = k + R * D, *mlp = q;
	copy_windows(rows, job, first, count, false);
	layernorm(h, rows, block->norm1.weight, block->norm1.bias, R, D, job->eps);
	const struct linear_output outputs[] = { { q, &block->q }, { k, &block->k }, { v, &block->v } };
	linear_apply_all(outputs, 3, h, tiles, inner);
	window_attention(h, q, k, v, first, count, &attention,
	                 job->attention_scratch + worker * job->attention_stride, inner);
	linear_apply(rows, h, tiles, &block->proj, LINEAR_ADD, inner);

	layernorm(h, rows, block->norm2.weight, block->norm2.bias, R, D, job->eps);
	linear_activate(mlp, h, tiles, &block->fc1, ACTIVATION_GELU, inner);
	linear_apply(rows, mlp, tiles, &block->fc2, LINEAR_ADD, inner);
	copy_windows(rows, job, first, count, true);
}

/* Every patch is in one window alone, so that windows can go through the whole block one after the
 * other. */
void swin_block_forward(float *x, size_t n, const struct swin_block *block,
                        const struct swin_stage *shape, double eps, struct arena *arena,
                        struct pool *pool)
{
	size_t mark = arena->used, threads = pool_threads(pool), Dh = shape->width / shape->heads;
	struct block_job job = {
		.x = x,
		.block = block,
		.shape = shape,
		.eps = eps,
		.activations_stride = activations_floats(shape, n),
		.attention_stride = window_attention_scratch(shape->window, Dh, 1),
	};
	job.activations = arena_floats(arena, threads * job.activations_stride);
	job.attention_scratch = arena_floats(arena, threads * job.attention_stride);
	const struct chunks chunks = { .tiles = n * windows_of(shape),
		                           .per_chunk = chunk_windows(shape, n),
		                           .run = run_windows,
		                           .context = &job };
	chunks_run(&chunks, pool);
	arena->used = mark;
}
