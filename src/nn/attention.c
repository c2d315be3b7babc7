#include "nn/attention.h"

#include "base/arena.h"
#include "base/checked.h"
#include "nn/blas.h"
#include "nn/blocked.h"
#include "nn/dot_rows.h"
#include "nn/ops.h"
#include "nn/transpose.h"

#include <math.h>
#include <string.h>

struct attention_job {
	float *out;
	const float *q, *k, *v;
	const struct attention_rows *rows;
	const uint32_t *query_rows;
	size_t queries, D, H;
	float *scratch;
	size_t scratch_stride; /* floats of one worker */
};

/* Sequences: one head's scores (tokens, tokens) and its keys (Dh, tokens). Forest: one row's
 * scores, and its chain. */
static size_t scratch_of_worker(const struct attention_rows *rows, size_t Dh)
{
	size_t T = rows->tokens;
	return arena_size_of(T > 0 ? T * T + Dh * T : 2 * rows->max_depth);
}

size_t attention_scratch(const struct attention_rows *rows, size_t Dh, size_t threads)
{
	return scratch_of_worker(rows, Dh) * threads;
}

/* product: a head's q (Q, Dh) times its keys (T, Dh) transposed.   transposed: (Dh, T) scratch. */
static void multiply_by_keys(const struct blas_product *product, float *transposed)
{
	struct blas_product small = *product;
	if (blocked_usable()) {
		transpose(transposed, product->n, product->b, product->b_stride, product->n, product->k);
		small.b = transposed;
		small.b_stride = product->n;
		if (blocked_small_product(&small))
			return;
	}
	/* Dh is short and keys are rows: dot products need no packing. */
	dot_rows_multiply_transposed(product);
}

/* One head of one sequence. T tokens, Q queries (T, or fewer in the last block). */
static void attend_sequence(const struct attention_job *job, size_t sequence, size_t head,
                            float *scores)
{
	size_t D = job->D, Dh = D / job->H, T = job->rows->tokens;
	size_t Q = job->queries / (job->rows->count / T);
	size_t column = head * Dh;
	struct blas_product product = {
		.m = Q,
		.n = T,
		.k = Dh,
		.a = job->q + sequence * Q * D + column,
		.a_stride = D,
		.b = job->k + sequence * T * D + column,
		.b_stride = D,
		.c = scores,
		.c_stride = T,
	};
	multiply_by_keys(&product, scores + T * T);
	softmax_rows(scores, Q, T, 1.0f / sqrtf((float)Dh));
	product = (struct blas_product){
		.m = Q,
		.n = Dh,
		.k = T,
		.a = scores,
		.a_stride = T,
		.b = job->v + sequence * T * D + column,
		.b_stride = D,
		.c = job->out + sequence * Q * D + column,
		.c_stride = D,
	};
	if (!blocked_small_product(&product))
		blas_multiply(&product);
}

/* One head of one row of a forest: few ancestors, so plain dot products. */
static void attend_ancestors(const struct attention_job *job, size_t query, size_t head,
                             float *scores)
{
	size_t D = job->D, Dh = D / job->H, column = head * Dh;
	uint32_t *chain = (uint32_t *)(void *)(scores + job->rows->max_depth);
	uint32_t row = job->query_rows != NULL ? job->query_rows[query] : (uint32_t)query;
	const float *q = job->q + query * D + column;
	size_t n = 0;
	for (; row != ATTENTION_ROOT; row = job->rows->parents[row]) {
		scores[n] = dot(q, job->k + (size_t)row * D + column, Dh);
		chain[n++] = row;
	}
	softmax_rows(scores, 1, n, 1.0f / sqrtf((float)Dh));
	float *out = job->out + query * D + column;
	memset(out, 0, Dh * sizeof *out);
	for (size_t i = 0; i < n; i++)
		add_scaled(out, job->v + (size_t)chain[i] * D + column, scores[i], Dh);
}

static void attend_head(void *context, size_t head, size_t worker)
{
	const struct attention_job *job = context;
	float *scratch = job->scratch + worker * job->scratch_stride;
	if (job->rows->tokens == 0) {
		for (size_t query = 0; query < job->queries; query++)
			attend_ancestors(job, query, head, scratch);
		return;
	}
	for (size_t sequence = 0; sequence < job->rows->count / job->rows->tokens; sequence++)
		attend_sequence(job, sequence, head, scratch);
}

void attention(float *out, const float *q, const float *k, const float *v,
               const struct attention_rows *rows, const uint32_t *query_rows, size_t queries,
               size_t D, size_t H, float *scratch, struct pool *pool)
{
	struct attention_job job = {
		.out = out,
		.q = q,
		.k = k,
		.v = v,
		.rows = rows,
		.query_rows = query_rows,
		.queries = queries,
		.D = D,
		.H = H,
		.scratch = scratch,
		.scratch_stride = scratch_of_worker(rows, D / H),
	};
	pool_run(pool, H, attend_head, &job);
}
