#include "nn/transformer.h"

#include "base/memory.h"
#include "nn/ops.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

clipcls_status transformer_want(struct transformer *transformer,
                                const struct transformer_config *config, const char *prefix,
                                struct weight_list *list, clipcls_error *error)
{
	size_t D = config->width, F = config->mlp_width;
	char name[96];
	transformer->config = *config;
	transformer->blocks = memory_new(config->layers, sizeof *transformer->blocks);
	if (transformer->blocks == NULL)
		return error_memory(error);
	for (size_t i = 0; i < config->layers; i++) {
		struct block *block = &transformer->blocks[i];
		struct {
			struct linear *linear;
			const char *name;
			size_t n, k;
		} layers[] = {
			{ &block->q, "self_attn.q_proj", D, D }, { &block->k, "self_attn.k_proj", D, D },
			{ &block->v, "self_attn.v_proj", D, D }, { &block->out, "self_attn.out_proj", D, D },
			{ &block->fc1, "mlp.fc1", F, D },        { &block->fc2, "mlp.fc2", D, F },
		};
		for (size_t j = 0; j < sizeof layers / sizeof *layers; j++) {
			snprintf(name, sizeof name, "%s.layers.%zu.%s", prefix, i, layers[j].name);
			weight_want_linear(list, layers[j].linear, name, layers[j].n, layers[j].k, true);
		}
		snprintf(name, sizeof name, "%s.layers.%zu.layer_norm1", prefix, i);
		weight_want_norm(list, &block->ln_1, name);
		snprintf(name, sizeof name, "%s.layers.%zu.layer_norm2", prefix, i);
		weight_want_norm(list, &block->ln_2, name);
	}
	return CLIPCLS_OK;
}

void transformer_free(struct transformer *transformer)
{
	free(transformer->blocks);
	free(transformer->settled);
	low_weights_free(transformer->low);
	*transformer = (struct transformer){ 0 };
}

#define LINEARS_PER_BLOCK 6

static void linears_of(struct linear *out[LINEARS_PER_BLOCK], struct block *block)
{
	struct linear *all[LINEARS_PER_BLOCK] = { &block->q,   &block->k,   &block->v,
		                                      &block->out, &block->fc1, &block->fc2 };
	memcpy(out, all, sizeof all);
}

/* The linears of all blocks, in memory of the caller's; NULL when there is none. */
static struct linear **all_linears(const struct transformer *transformer)
{
	size_t layers = transformer->config.layers;
	struct linear **linears = memory_new(layers * LINEARS_PER_BLOCK, sizeof(struct linear *));
	for (size_t i = 0; linears != NULL && i < layers; i++)
		linears_of(linears + i * LINEARS_PER_BLOCK, &transformer->blocks[i]);
	return linears;
}

void transformer_settle(struct transformer *transformer, struct pool *pool)
{
	size_t layers = transformer->config.layers;
	if (transformer->settled != NULL || transformer->low != NULL || layers == 0 ||
	    transformer->blocks[0].q.blocks != NULL)
		return;
	struct linear **linears = all_linears(transformer);
	if (linears != NULL)
		transformer->settled = weights_settle(linears, layers * LINEARS_PER_BLOCK, pool);
	free(linears);
}

clipcls_status transformer_lower(struct transformer *transformer, enum low_type type, size_t tokens,
                                 struct pool *pool, clipcls_error *error)
{
	/* The last block multiplies one row of each sequence. */
	const size_t rows[2] = { tokens, 1 };
	size_t count = transformer->config.layers * LINEARS_PER_BLOCK;
	struct linear **linears = all_linears(transformer);
	if (linears == NULL)
		return error_memory(error);
	clipcls_status status =
	    low_weights_new(&transformer->low, type, linears, count, rows, pool, error);
	transformer->low_type = type;
	free(linears);
	return status;
}

void transformer_raise(struct transformer *transformer)
{
	low_weights_free(transformer->low);
	transformer->low = NULL;
}

/* What one forward pass works in. R rows. */
struct activations {
	float *h;         /* (R, D) */
	float *q, *k, *v; /* (R, D) */
	float *mlp;       /* (R, max(F, D)) */
	float *scratch;   /* of attention */
	struct low_rows low;
	bool lowered;
};

size_t transformer_scratch(const struct transformer *transformer, const struct attention_rows *rows,
                           size_t threads)
{
	const struct transformer_config *config = &transformer->config;
	size_t R = rows->count, D = config->width;
	size_t F = config->mlp_width > D ? config->mlp_width : D;
	return 4 * arena_size_of(R * D) + arena_size_of(R * F) +
	       arena_size_of(attention_scratch(rows, D / config->heads, threads)) +
	       (transformer->low != NULL ? low_rows_scratch(R, F) : 0);
}

static struct activations activations_take(struct arena *arena,
                                           const struct transformer *transformer,
                                           const struct attention_rows *rows, size_t threads)
{
	const struct transformer_config *config = &transformer->config;
	size_t R = rows->count, D = config->width;
	size_t F = config->mlp_width > D ? config->mlp_width : D;
	struct activations activations = {
		.h = arena_floats(arena, R * D),
		.q = arena_floats(arena, R * D),
		.k = arena_floats(arena, R * D),
		.v = arena_floats(arena, R * D),
		.mlp = arena_floats(arena, R * F),
		.scratch = arena_floats(arena, attention_scratch(rows, D / config->heads, threads)),
		.lowered = transformer->low != NULL,
	};
	if (activations.lowered)
		activations.low = low_rows_take(arena, transformer->low_type, R, F);
	return activations;
}

/* out: (kept, D) = the rows `keep` of x; out may be x, since keep ascends. */
static void gather(float *out, const float *x, const uint32_t *keep, size_t kept, size_t D)
{
	for (size_t i = 0; i < kept; i++)
		memmove(out + i * D, x + (size_t)keep[i] * D, D * sizeof *out);
}

/* The tiles that n rows make: one a sequence, and of one row each for a forest. */
static struct row_tiles tiles_of(const struct attention_rows *rows, size_t n)
{
	size_t count = rows->tokens > 0 ? rows->count / rows->tokens : n;
	return (struct row_tiles){ .count = count, .rows = n / count };
}

/* Rows on their way into one or several linear layers. */
struct input {
	const float *x;
	struct row_tiles tiles;
	const struct low_rows *low; /* NULL: multiplied in f32 */
};

/* x: (tiles.count * tiles.rows, k). */
static struct input take_in(const float *x, struct row_tiles tiles, size_t k,
                            const struct activations *a, struct pool *pool)
{
	if (a->lowered)
		low_rows_fill(&a->low, x, tiles.count * tiles.rows, k, pool);
	return (struct input){ x, tiles, a->lowered ? &a->low : NULL };
}

static void apply(float *out, const struct input *input, const struct linear *linear,
                  enum linear_mode mode, struct pool *pool)
{
	if (input->low != NULL)
		low_apply(out, input->low, input->tiles, linear, mode, pool);
	else
		linear_apply(out, input->x, input->tiles, linear, mode, pool);
}

static void apply_all(const struct linear_output *outputs, size_t count, const struct input *input,
                      struct pool *pool)
{
	if (input->low != NULL)
		low_apply_all(outputs, count, input->low, input->tiles, pool);
	else
		linear_apply_all(outputs, count, input->x, input->tiles, pool);
}

static void apply_activated(float *out, const struct input *input, const struct linear *linear,
                            enum activation activation, struct pool *pool)
{
	if (input->low != NULL)
		low_activate(out, input->low, input->tiles, linear, activation, pool);
	else
		linear_activate(out, input->x, input->tiles, linear, activation, pool);
}

/* One block. keep = NULL: for every row. */
static void block_forward(float *x, const struct block *block,
                          const struct transformer_config *config,
                          const struct attention_rows *rows, const uint32_t *keep, size_t kept,
                          const struct activations *a, struct pool *pool)
{
	size_t n = rows->count, D = config->width;
	struct row_tiles tiles = tiles_of(rows, n);
	layernorm(a->h, x, block->ln_1.weight, block->ln_1.bias, n, D, config->layer_norm_eps);
	struct input input = take_in(a->h, tiles, D, a, pool);
	const struct linear_output outputs[] = { { a->k, &block->k },
		                                     { a->v, &block->v },
		                                     { a->q, &block->q } };
	apply_all(outputs, keep == NULL ? 3 : 2, &input, pool);
	if (keep != NULL) {
		gather(a->mlp, a->h, keep, kept, D);
		gather(x, x, keep, kept, D);
		n = kept;
		tiles = tiles_of(rows, n);
		input = take_in(a->mlp, tiles, D, a, pool);
		apply(a->q, &input, &block->q, LINEAR_SET, pool);
	}
	attention(a->h, a->q, a->k, a->v, rows, keep, n, D, config->heads, a->scratch, pool);
	input = take_in(a->h, tiles, D, a, pool);
	apply(x, &input, &block->out, LINEAR_ADD, pool);

	layernorm(a->h, x, block->ln_2.weight, block->ln_2.bias, n, D, config->layer_norm_eps);
	input = take_in(a->h, tiles, D, a, pool);
	apply_activated(a->mlp, &input, &block->fc1, config->activation, pool);
	input = take_in(a->mlp, tiles, block->fc2.k, a, pool);
	apply(x, &input, &block->fc2, LINEAR_ADD, pool);
}

void transformer_forward(float *x, const struct transformer *transformer,
                         const struct attention_rows *rows, const uint32_t *keep, size_t kept,
                         struct arena *arena, struct pool *pool)
{
	const struct transformer_config *config = &transformer->config;
	size_t mark = arena->used;
	struct activations a = activations_take(arena, transformer, rows, pool_threads(pool));
	for (size_t i = 0; i < config->layers; i++) {
		bool last = i + 1 == config->layers;
		block_forward(x, &transformer->blocks[i], config, rows, last ? keep : NULL, kept, &a, pool);
	}
	if (config->layers == 0)
		gather(x, x, keep, kept, config->width);
	arena->used = mark;
}
