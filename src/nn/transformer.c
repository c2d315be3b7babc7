#include "nn/transformer.h"

#include "base/memory.h"
#include "nn/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct block_kind clip_blocks = { .q = "self_attn.q_proj",
	                                    .k = "self_attn.k_proj",
	                                    .v = "self_attn.v_proj",
	                                    .out = "self_attn.out_proj",
	                                    .fc1 = "mlp.fc1",
	                                    .fc2 = "mlp.fc2",
	                                    .ln_1 = "layer_norm1",
	                                    .ln_2 = "layer_norm2" };

const struct block_kind bert_blocks = { .q = "attention.self.query",
	                                    .k = "attention.self.key",
	                                    .v = "attention.self.value",
	                                    .out = "attention.output.dense",
	                                    .fc1 = "intermediate.dense",
	                                    .fc2 = "output.dense",
	                                    .ln_1 = "attention.output.LayerNorm",
	                                    .ln_2 = "output.LayerNorm",
	                                    .post_norm = true };

static void want_norm(struct weight_list *list, struct norm *norm, const char *layer,
                      const char *name)
{
	char full[128];
	snprintf(full, sizeof full, "%s%s", layer, name);
	weight_want_norm(list, norm, full);
}

/* layer: what stands before the names of the block's tensors. */
static void want_block(struct block *block, const struct block_kind *kind,
                       const struct transformer_config *config, const char *layer,
                       struct weight_list *list)
{
	size_t D = config->width, F = config->mlp_width;
	const struct {
		struct linear *linear;
		const char *name;
		size_t n, k;
		bool absent, unbiased;
	} layers[] = {
		{ &block->q, kind->q, D, D, false, false },
		{ &block->k, kind->k, D, D, false, config->no_key_bias },
		{ &block->v, kind->v, D, D, false, false },
		{ &block->out, kind->out, D, D, false, false },
		{ &block->gate, "mlp.fc1_g", F, D, !config->gated_mlp, false },
		{ &block->fc1, kind->fc1, F, D, false, false },
		{ &block->fc2, kind->fc2, D, F, false, false },
	};
	char name[128];
	for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
		if (layers[i].absent)
			continue;
		snprintf(name, sizeof name, "%s%s", layer, layers[i].name);
		weight_want_linear(list, layers[i].linear, name, layers[i].n, layers[i].k,
		                   !layers[i].unbiased);
	}
	want_norm(list, &block->ln_1, layer, kind->ln_1);
	want_norm(list, &block->ln_2, layer, kind->ln_2);
	if (config->attention_norm)
		want_norm(list, &block->attention_norm, layer, "self_attn.norm");
	if (config->mlp_norm)
		want_norm(list, &block->mlp_norm, layer, "mlp.norm");
}

void transformer_want(struct transformer *transformer, const struct block_kind *kind,
                      const struct transformer_config *config, const char *prefix,
                      struct weight_list *list)
{
	char layer[96];
	transformer->config = *config;
	transformer->post_norm = kind->post_norm;
	transformer->blocks = memory_new(config->layers, sizeof *transformer->blocks);
	list->failed |= transformer->blocks == NULL;
	for (size_t i = 0; !list->failed && i < config->layers; i++) {
		snprintf(layer, sizeof layer, "%s.%zu.", prefix, i);
		want_block(&transformer->blocks[i], kind, config, layer, list);
	}
}

void transformer_free(struct transformer *transformer)
{
	free(transformer->blocks);
	free(transformer->settled);
	rotary_free(&transformer->rotary);
	low_weights_free(transformer->low);
	*transformer = (struct transformer){ 0 };
}

static size_t linears_per_block(const struct transformer *transformer)
{
	return transformer->config.gated_mlp ? 7 : 6;
}

/* The linears of all blocks, in memory of the caller's; NULL when there is none. */
static struct linear **all_linears(size_t *count, const struct transformer *transformer)
{
	size_t each = linears_per_block(transformer);
	*count = transformer->config.layers * each;
	struct linear **linears = memory_new(*count, sizeof(struct linear *));
	for (size_t i = 0; linears != NULL && i < transformer->config.layers; i++) {
		struct block *block = &transformer->blocks[i];
		struct linear *const all[] = { &block->q,   &block->k,   &block->v,   &block->out,
			                           &block->fc1, &block->fc2, &block->gate };
		memcpy(linears + i * each, all, each * sizeof *all);
	}
	return linears;
}

void transformer_settle(struct transformer *transformer, struct pool *pool)
{
	if (transformer->settled != NULL || transformer->low != NULL ||
	    transformer->config.layers == 0 || transformer->blocks[0].q.blocks != NULL)
		return;
	size_t count;
	struct linear **linears = all_linears(&count, transformer);
	if (linears != NULL)
		transformer->settled = weights_settle(linears, count, pool);
	free(linears);
}

clipcls_status transformer_lower(struct transformer *transformer, enum low_type type, size_t tokens,
                                 struct pool *pool, clipcls_error *error)
{
	/* The last block multiplies one row of each sequence. */
	const size_t rows[2] = { tokens, 1 };
	size_t count;
	struct linear **linears = all_linears(&count, transformer);
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
	float *gate;      /* (R, F); NULL where the MLP has no gate */
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
	       (config->gated_mlp ? arena_size_of(R * config->mlp_width) : 0) +
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
		.gate = config->gated_mlp ? arena_floats(arena, R * config->mlp_width) : NULL,
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

static void norm_rows(float *out, const float *x, const struct norm *norm, size_t rows,
                      size_t width, const struct transformer_config *config)
{
	layernorm(out, x, norm->weight, norm->bias, rows, width, config->layer_norm_eps);
}

/* What goes into attention or MLP: x: (rows, D), layer-normed in h: (rows, D) where its norm stands
 * before it. */
static const float *norm_before(float *h, const float *x, const struct norm *norm, size_t rows,
                                const struct transformer *transformer)
{
	const struct transformer_config *config = &transformer->config;
	if (config->residual_post_norm || transformer->post_norm)
		return x;
	norm_rows(h, x, norm, rows, config->width, config);
	return h;
}

/* x: (rows, D) += what comes out of attention or MLP, `linear` being the last of it; layer-normed
 * in `spare`: (rows, D) where its norm stands behind it, or with the sum where it stands there. */
static void add_residual(float *x, float *spare, const struct input *input,
                         const struct linear *linear, const struct norm *norm,
                         const struct transformer *transformer, struct pool *pool)
{
	const struct transformer_config *config = &transformer->config;
	size_t rows = input->tiles.count * input->tiles.rows;
	if (!config->residual_post_norm) {
		apply(x, input, linear, LINEAR_ADD, pool);
		if (transformer->post_norm)
			norm_rows(x, x, norm, rows, config->width, config);
		return;
	}
	apply(spare, input, linear, LINEAR_SET, pool);
	norm_rows(spare, spare, norm, rows, config->width, config);
	add(x, spare, rows * config->width);
}

/* The first half of a block. keep = NULL: for every row. */
static void attend(float *x, const struct block *block, const struct transformer *transformer,
                   const struct attention_rows *rows, const uint32_t *keep, size_t kept,
                   const struct activations *a, struct pool *pool)
{
	const struct transformer_config *config = &transformer->config;
	size_t n = rows->count, D = config->width;
	struct row_tiles tiles = tiles_of(rows, n);
	const float *h = norm_before(a->h, x, &block->ln_1, n, transformer);
	struct input input = take_in(h, tiles, D, a, pool);
	const struct linear_output outputs[] = { { a->k, &block->k },
		                                     { a->v, &block->v },
		                                     { a->q, &block->q } };
	apply_all(outputs, keep == NULL ? 3 : 2, &input, pool);
	if (keep != NULL) {
		gather(a->mlp, h, keep, kept, D);
		gather(x, x, keep, kept, D);
		n = kept;
		tiles = tiles_of(rows, n);
		input = take_in(a->mlp, tiles, D, a, pool);
		apply(a->q, &input, &block->q, LINEAR_SET, pool);
	}
	if (transformer->rotary.cosines != NULL) {
		rotary_apply(a->q, &transformer->rotary, keep, n, config->heads);
		rotary_apply(a->k, &transformer->rotary, NULL, rows->count, config->heads);
	}
	attention(a->h, a->q, a->k, a->v, rows, keep, n, D, config->heads, a->scratch, pool);
	if (config->attention_norm)
		norm_rows(a->h, a->h, &block->attention_norm, n, D, config);
	input = take_in(a->h, tiles, D, a, pool);
	add_residual(x, a->mlp, &input, &block->out, &block->ln_1, transformer, pool);
}

/* The second half, of the rows that x has left. */
static void feed_forward(float *x, const struct block *block, const struct transformer *transformer,
                         struct row_tiles tiles, const struct activations *a, struct pool *pool)
{
	const struct transformer_config *config = &transformer->config;
	size_t n = tiles.count * tiles.rows, F = config->mlp_width;
	const float *h = norm_before(a->h, x, &block->ln_2, n, transformer);
	struct input input = take_in(h, tiles, config->width, a, pool);
	if (config->gated_mlp) {
		apply_activated(a->gate, &input, &block->gate, config->activation, pool);
		apply(a->mlp, &input, &block->fc1, LINEAR_SET, pool);
		multiply_each(a->mlp, a->gate, n * F);
	} else {
		apply_activated(a->mlp, &input, &block->fc1, config->activation, pool);
	}
	if (config->mlp_norm)
		norm_rows(a->mlp, a->mlp, &block->mlp_norm, n, F, config);
	input = take_in(a->mlp, tiles, F, a, pool);
	add_residual(x, a->h, &input, &block->fc2, &block->ln_2, transformer, pool);
}

void transformer_forward(float *x, const struct transformer *transformer,
                         const struct attention_rows *rows, const uint32_t *keep, size_t kept,
                         struct arena *arena, struct pool *pool)
{
	const struct transformer_config *config = &transformer->config;
	size_t mark = arena->used;
	struct activations a = activations_take(arena, transformer, rows, pool_threads(pool));
	for (size_t i = 0; i < config->layers; i++) {
		const struct block *block = &transformer->blocks[i];
		const uint32_t *wanted = i + 1 == config->layers ? keep : NULL;
		attend(x, block, transformer, rows, wanted, kept, &a, pool);
		feed_forward(x, block, transformer, tiles_of(rows, wanted != NULL ? kept : rows->count), &a,
		             pool);
	}
	if (config->layers == 0)
		gather(x, x, keep, kept, config->width);
	arena->used = mark;
}
