#include "nn/map_pool.h"

#include "nn/ops.h"

#include <stdio.h>
#include <string.h>

void map_pool_want(struct map_pool *pooling, const struct transformer_config *config,
                   const char *prefix, struct weight_list *list)
{
	size_t D = config->width, F = config->mlp_width;
	const struct {
		struct linear *linear;
		const char *name;
		size_t n, k;
	} linears[MAP_POOL_LINEARS] = {
		{ &pooling->q, "attention.q_proj", D, D }, { &pooling->k, "attention.k_proj", D, D },
		{ &pooling->v, "attention.v_proj", D, D }, { &pooling->out, "attention.out_proj", D, D },
		{ &pooling->fc1, "mlp.fc1", F, D },        { &pooling->fc2, "mlp.fc2", D, F },
	};
	char name[96];
	pooling->config = *config;
	weight_want(list, &pooling->probe, "%sprobe", prefix);
	for (size_t i = 0; i < MAP_POOL_LINEARS; i++) {
		snprintf(name, sizeof name, "%s%s", prefix, linears[i].name);
		weight_want_linear(list, linears[i].linear, name, linears[i].n, linears[i].k, true);
	}
	snprintf(name, sizeof name, "%slayernorm", prefix);
	weight_want_norm(list, &pooling->norm, name);
}

void map_pool_linears(struct linear *out[MAP_POOL_LINEARS], struct map_pool *pooling)
{
	struct linear *all[MAP_POOL_LINEARS] = { &pooling->q,   &pooling->k,   &pooling->v,
		                                     &pooling->out, &pooling->fc1, &pooling->fc2 };
	memcpy(out, all, sizeof all);
}

static size_t sequences_of(const struct attention_rows *rows)
{
	return rows->count / rows->tokens;
}

size_t map_pool_scratch(const struct map_pool *pooling, const struct attention_rows *rows,
                        size_t threads)
{
	size_t D = pooling->config.width, n = sequences_of(rows);
	return 2 * arena_size_of(rows->count * D) + 2 * arena_size_of(n * D) +
	       arena_size_of(n * pooling->config.mlp_width) +
	       arena_size_of(attention_scratch(rows, D / pooling->config.heads, threads));
}

void map_pool_forward(float *out, const float *x, const struct attention_rows *rows,
                      const struct map_pool *pooling, struct arena *arena, struct pool *pool)
{
	const struct transformer_config *config = &pooling->config;
	size_t D = config->width, H = config->heads, n = sequences_of(rows), mark = arena->used;
	const struct row_tiles tokens = { n, rows->tokens }, pooled = { n, 1 };
	float *k = arena_floats(arena, rows->count * D), *v = arena_floats(arena, rows->count * D);
	float *q = arena_floats(arena, n * D), *h = arena_floats(arena, n * D);
	float *mlp = arena_floats(arena, n * config->mlp_width);
	size_t floats = attention_scratch(rows, D / H, pool_threads(pool));
	float *scratch = arena_floats(arena, floats);

	const struct linear_output outputs[] = { { k, &pooling->k }, { v, &pooling->v } };
	linear_apply_all(outputs, 2, x, tokens, pool);
	for (size_t i = 0; i < n; i++)
		memcpy(h + i * D, pooling->probe, D * sizeof *h);
	linear_apply(q, h, pooled, &pooling->q, LINEAR_SET, pool);
	attention(h, q, k, v, rows, NULL, n, D, H, scratch, pool);
	linear_apply(out, h, pooled, &pooling->out, LINEAR_SET, pool);

	layernorm(h, out, pooling->norm.weight, pooling->norm.bias, n, D, config->layer_norm_eps);
	linear_activate(mlp, h, pooled, &pooling->fc1, config->activation, pool);
	linear_apply(out, mlp, pooled, &pooling->fc2, LINEAR_ADD, pool);
	arena->used = mark;
}
