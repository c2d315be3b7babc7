#include "nn/attention_pool.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/blocked.h"
#include "nn/dot_rows.h"
#include "nn/ops.h"
#include "nn/pool2d.h"
#include "nn/transpose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- weights -------------------------------------------------------------------------------- */

static size_t head_width(const struct attention_pool *pooling)
{
	return pooling->features / pooling->heads;
}

/* The heads' parts of the key and value projections. k, v: (F, F).   v_bias: (F). */
static clipcls_status split_heads(struct attention_pool *pooling, const float *k, const float *v,
                                  const float *v_bias, clipcls_error *error)
{
	size_t F = pooling->features, H = pooling->heads, Dh = head_width(pooling);
	pooling->keys = memory_new(H, sizeof *pooling->keys);
	pooling->values = memory_new(H, sizeof *pooling->values);
	pooling->transposed = memory_floats(F * F);
	if (pooling->keys == NULL || pooling->values == NULL || pooling->transposed == NULL)
		return error_memory(error);
	for (size_t head = 0; head < H; head++) {
		size_t first = head * Dh;
		float *key = pooling->transposed + first * F;
		transpose(key, Dh, k + first * F, F, Dh, F);
		pooling->keys[head] = (struct linear){ .weight = key, .n = F, .k = Dh };
		pooling->values[head] =
		    (struct linear){ .weight = v + first * F, .bias = v_bias + first, .n = Dh, .k = F };
	}
	return CLIPCLS_OK;
}

/* Blocks of all weights, after which nothing reads the rows. */
static clipcls_status settle(struct attention_pool *pooling, struct pool *pool,
                             clipcls_error *error)
{
	size_t H = pooling->heads, n = 0;
	struct linear **linears = memory_new(2 * H + 2, sizeof(struct linear *));
	if (linears == NULL)
		return error_memory(error);
	linears[n++] = &pooling->q;
	linears[n++] = &pooling->out;
	for (size_t head = 0; head < H; head++) {
		linears[n++] = &pooling->keys[head];
		linears[n++] = &pooling->values[head];
	}
	pooling->settled = weights_settle(linears, n, pool);
	for (size_t i = 0; pooling->settled != NULL && i < n; i++)
		linears[i]->weight = NULL;
	free(linears);
	return CLIPCLS_OK;
}

static void release(const struct attention_pool *pooling, const char *prefix,
                    struct checkpoint *checkpoint, struct pool *pool)
{
	/* Of the keys there is a copy in any case. */
	static const char *const names[] = { "k_proj", "q_proj", "v_proj", "c_proj" };
	size_t n = pooling->settled != NULL ? sizeof names / sizeof *names : 1;
	for (size_t i = 0; i < n; i++) {
		char name[96];
		snprintf(name, sizeof name, "%s%s.weight", prefix, names[i]);
		checkpoint_release(checkpoint, name, pool);
	}
}

clipcls_status attention_pool_load(struct attention_pool *pooling, size_t E, const char *prefix,
                                   struct checkpoint *checkpoint, struct pool *pool,
                                   clipcls_error *error)
{
	size_t F = pooling->features;
	struct weight_list list = { 0 };
	const float *k, *v, *v_bias;
	char name[96];
	weight_want(&list, &pooling->positions, "%spositional_embedding", prefix);
	weight_want(&list, &k, "%sk_proj.weight", prefix);
	weight_want(&list, &v, "%sv_proj.weight", prefix);
	weight_want(&list, &v_bias, "%sv_proj.bias", prefix);
	snprintf(name, sizeof name, "%sq_proj", prefix);
	weight_want_linear(&list, &pooling->q, name, F, F, true);
	snprintf(name, sizeof name, "%sc_proj", prefix);
	weight_want_linear(&list, &pooling->out, name, E, F, true);
	clipcls_status status = weight_fetch(&list, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		status = split_heads(pooling, k, v, v_bias, error);
	if (status == CLIPCLS_OK)
		status = settle(pooling, pool, error);
	if (status != CLIPCLS_OK)
		return status;
	if (pooling->settled != NULL) {
		free(pooling->transposed);
		pooling->transposed = NULL;
	}
	release(pooling, prefix, checkpoint, pool);
	return CLIPCLS_OK;
}

void attention_pool_free(struct attention_pool *pooling)
{
	free(pooling->keys);
	free(pooling->values);
	free(pooling->transposed);
	free(pooling->settled);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Columns of a product in one kernel. */
#define COLUMNS 64

/* n pictures. Heads come first, so that what a head multiplies has no gaps. */
struct pooling_job {
	const struct attention_pool *pooling;
	size_t n;
	float *tokens;  /* (n, T, F) */
	float *queries; /* (H, n, Dh), then the heads' outputs */
	float *mixed;   /* (H, n, F): Wkᵀ q, then the weighted means of the tokens */
	float *scores;  /* (n, H, T) */
};

size_t attention_pool_scratch(const struct attention_pool *pooling, size_t n)
{
	size_t F = pooling->features, H = pooling->heads, T = pooling->tokens;
	return arena_size_of(n * T * F) + 3 * arena_size_of(n * F) + arena_size_of(H * n * F) +
	       arena_size_of(n * H * T);
}

/* The mean and the pixels of one picture, plus positions. */
static void embed_tokens(float *tokens, const float *mean, const float *pixels,
                         const struct attention_pool *pooling)
{
	size_t F = pooling->features, T = pooling->tokens;
	memcpy(tokens, mean, F * sizeof *tokens);
	memcpy(tokens + F, pixels, (T - 1) * F * sizeof *tokens);
	add(tokens, pooling->positions, T * F);
}

/* out: (b, a, D) = in: (a, b, D). */
static void swap_outer(float *out, const float *in, size_t a, size_t b, size_t D)
{
	for (size_t i = 0; i < a; i++)
		for (size_t j = 0; j < b; j++, in += D)
			memcpy(out + (j * a + i) * D, in, D * sizeof *out);
}

static void project_query(void *context, size_t head, size_t worker)
{
	const struct pooling_job *job = context;
	size_t n = job->n, F = job->pooling->features, Dh = head_width(job->pooling);
	(void)worker;
	linear_apply(job->mixed + head * n * F, job->queries + head * n * Dh,
	             (struct row_tiles){ n, 1 }, &job->pooling->keys[head], LINEAR_SET, NULL);
}

/* One picture, all heads: what they attend to, and the mean of the tokens by that. */
static void mix_tokens(void *context, size_t picture, size_t worker)
{
	const struct pooling_job *job = context;
	size_t F = job->pooling->features, H = job->pooling->heads, T = job->pooling->tokens;
	float *scores = job->scores + picture * H * T, *mixed = job->mixed + picture * F;
	const float *tokens = job->tokens + picture * T * F;
	const struct blas_product attend = { .m = H,
		                                 .n = T,
		                                 .k = F,
		                                 .a = mixed,
		                                 .a_stride = job->n * F,
		                                 .b = tokens,
		                                 .b_stride = F,
		                                 .c = scores,
		                                 .c_stride = T };
	(void)worker;
	dot_rows_multiply_transposed(&attend);
	softmax_rows(scores, H, T, 1.0f / sqrtf((float)head_width(job->pooling)));
	struct blas_product mix = {
		.m = H, .k = T, .a = scores, .a_stride = T, .b_stride = F, .c_stride = job->n * F
	};
	for (size_t first = 0; first < F; first += COLUMNS) {
		mix.n = size_min(COLUMNS, F - first);
		mix.b = tokens + first;
		mix.c = mixed + first;
		if (!blocked_small_product(&mix))
			blas_multiply(&mix);
	}
}

static void project_value(void *context, size_t head, size_t worker)
{
	const struct pooling_job *job = context;
	size_t n = job->n, F = job->pooling->features, Dh = head_width(job->pooling);
	(void)worker;
	linear_apply(job->queries + head * n * Dh, job->mixed + head * n * F,
	             (struct row_tiles){ n, 1 }, &job->pooling->values[head], LINEAR_SET, NULL);
}

void attention_pool_forward(float *out, const struct maps *x, const struct attention_pool *pooling,
                            struct arena *arena, struct pool *pool)
{
	size_t n = x->n, F = pooling->features, H = pooling->heads, T = pooling->tokens;
	size_t Dh = head_width(pooling), mark = arena->used;
	const struct row_tiles pictures = { n, 1 };
	float *means = arena_floats(arena, n * F), *h = arena_floats(arena, n * F);
	struct pooling_job job = { .pooling = pooling, .n = n };
	job.queries = arena_floats(arena, n * F);
	job.tokens = arena_floats(arena, n * T * F);
	job.mixed = arena_floats(arena, H * n * F);
	job.scores = arena_floats(arena, n * H * T);

	pool_global(means, x, pool);
	for (size_t i = 0; i < n; i++) {
		float *tokens = job.tokens + i * T * F;
		embed_tokens(tokens, means + i * F, x->data + i * (T - 1) * F, pooling);
		memcpy(means + i * F, tokens, F * sizeof *means);
	}
	linear_apply(h, means, pictures, &pooling->q, LINEAR_SET, pool);
	swap_outer(job.queries, h, n, H, Dh);
	pool_run(pool, H, project_query, &job);
	pool_run(pool, n, mix_tokens, &job);
	pool_run(pool, H, project_value, &job);
	swap_outer(h, job.queries, H, n, Dh);
	linear_apply(out, h, pictures, &pooling->out, LINEAR_SET, pool);
	arena->used = mark;
}
