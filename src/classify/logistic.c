/* Examples are cut into shares, always at the same places, whose gradients are added up in one
 * order: so the sums do not depend on the threads. A share goes through its examples in blocks:
 *
 *     logits (L, block) = weight (L, E) times rows^T,   gradient (L, E) += residuals times rows
 *
 * with classes first, so that both products are of the kinds that blas.h has. */
#include "classify/logistic.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/blas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 128      /* examples; their rows and logits stay in the second-level cache */
#define MOST_SHARES 32 /* each has a gradient of its own */

/* One thread's memory. */
struct worker {
	double *rows;   /* (BLOCK, E) */
	double *logits; /* (L, BLOCK) */
};

struct logistic {
	struct logistic_examples examples;
	double C, penalty;
	struct pool *pool;
	size_t parameters;
	size_t share, shares; /* examples in one, how many */
	double *gradients;    /* (shares, parameters) */
	double losses[MOST_SHARES];
	struct worker *workers; /* (pool_threads) */
	const double *at;       /* (parameters) of this evaluation */
};

static clipcls_status make_room(struct logistic *logistic, clipcls_error *error)
{
	const struct logistic_examples *examples = &logistic->examples;
	size_t all, row, logits, threads = pool_threads(logistic->pool);
	if (!size_add(examples->E, 1, &row) || !size_mul(row, examples->L, &logistic->parameters) ||
	    !size_mul(logistic->parameters, logistic->shares, &all) ||
	    !size_mul(examples->E, BLOCK, &row) || !size_mul(examples->L, BLOCK, &logits))
		return error_memory(error);
	logistic->gradients = memory_new(all, sizeof *logistic->gradients);
	logistic->workers = memory_new(threads, sizeof *logistic->workers);
	if (logistic->gradients == NULL || logistic->workers == NULL)
		return error_memory(error);
	for (size_t i = 0; i < threads; i++) {
		struct worker *worker = &logistic->workers[i];
		worker->rows = memory_new(row, sizeof *worker->rows);
		worker->logits = memory_new(logits, sizeof *worker->logits);
		if (worker->rows == NULL || worker->logits == NULL)
			return error_memory(error);
	}
	return CLIPCLS_OK;
}

clipcls_status logistic_new(struct logistic **out, const struct logistic_examples *examples,
                            double C, struct pool *pool, clipcls_error *error)
{
	*out = NULL;
	struct logistic *logistic = memory_new(1, sizeof *logistic);
	if (logistic == NULL)
		return error_memory(error);
	logistic->examples = *examples;
	logistic->C = C;
	logistic->penalty = examples->L == 2 ? 2 : 1;
	logistic->pool = pool;
	logistic->share = size_round_up((examples->N + MOST_SHARES - 1) / MOST_SHARES, BLOCK);
	logistic->shares = (examples->N + logistic->share - 1) / logistic->share;
	clipcls_status status = make_room(logistic, error);
	if (status != CLIPCLS_OK)
		logistic_free(logistic);
	else
		*out = logistic;
	return status;
}

void logistic_free(struct logistic *logistic)
{
	if (logistic == NULL)
		return;
	for (size_t i = 0; logistic->workers != NULL && i < pool_threads(logistic->pool); i++) {
		free(logistic->workers[i].rows);
		free(logistic->workers[i].logits);
	}
	free(logistic->workers);
	free(logistic->gradients);
	free(logistic);
}

size_t logistic_parameters(const struct logistic *logistic)
{
	return logistic->parameters;
}

/* logits (L, BLOCK), of n examples: with the bias they become C * (softmax - 1 at the example's
 * class). Returns the examples' loss. */
static double logits_to_residuals(double *logits, const double *bias, const size_t *classes,
                                  size_t n, size_t L, double C)
{
	double top[BLOCK], sum[BLOCK] = { 0 }, loss = 0;
	for (size_t i = 0; i < n; i++)
		top[i] = -INFINITY;
	for (size_t class = 0; class < L; class ++) {
		double *row = logits + class * BLOCK;
		for (size_t i = 0; i < n; i++) {
			row[i] += bias[class];
			top[i] = row[i] > top[i] ? row[i] : top[i];
		}
	}
	for (size_t i = 0; i < n; i++)
		loss += C * (top[i] - logits[classes[i] * BLOCK + i]);
	for (size_t class = 0; class < L; class ++) {
		double *row = logits + class * BLOCK;
		for (size_t i = 0; i < n; i++) {
			row[i] = exp(row[i] - top[i]);
			sum[i] += row[i];
		}
	}
	for (size_t i = 0; i < n; i++) {
		loss += C * log(sum[i]);
		sum[i] = C / sum[i];
	}
	for (size_t class = 0; class < L; class ++)
		for (size_t i = 0; i < n; i++)
			logits[class * BLOCK + i] *= sum[i];
	for (size_t i = 0; i < n; i++)
		logits[classes[i] * BLOCK + i] -= C;
	return loss;
}

/* One block's part of a share's gradient, which it sets when it is the share's first. */
static double run_block(double *gradient, struct worker *worker, const struct logistic *logistic,
                        size_t first, size_t n, bool is_first)
{
	const struct logistic_examples *examples = &logistic->examples;
	size_t E = examples->E, L = examples->L;
	double *bias_gradient = gradient + L * E;
	struct blas_double_product product = { .m = L,
		                                   .n = n,
		                                   .k = E,
		                                   .a = logistic->at,
		                                   .a_stride = E,
		                                   .b = worker->rows,
		                                   .b_stride = E,
		                                   .b_transposed = true,
		                                   .c = worker->logits,
		                                   .c_stride = BLOCK };
	for (size_t i = 0; i < n * E; i++)
		worker->rows[i] = examples->rows[first * E + i];
	blas_multiply_double(&product);
	double loss = logits_to_residuals(worker->logits, logistic->at + L * E,
	                                  examples->classes + first, n, L, logistic->C);
	product = (struct blas_double_product){ .m = L,
		                                    .n = E,
		                                    .k = n,
		                                    .a = worker->logits,
		                                    .a_stride = BLOCK,
		                                    .b = worker->rows,
		                                    .b_stride = E,
		                                    .c = gradient,
		                                    .c_stride = E,
		                                    .accumulate = !is_first };
	blas_multiply_double(&product);
	for (size_t class = 0; class < L; class ++) {
		double sum = is_first ? 0 : bias_gradient[class];
		for (size_t i = 0; i < n; i++)
			sum += worker->logits[class * BLOCK + i];
		bias_gradient[class] = sum;
	}
	return loss;
}

static void run_share(void *context, size_t share, size_t worker)
{
	struct logistic *logistic = context;
	size_t first = share * logistic->share;
	size_t end = size_min(first + logistic->share, logistic->examples.N);
	double loss = 0;
	for (size_t at = first; at < end; at += BLOCK)
		loss += run_block(logistic->gradients + share * logistic->parameters,
		                  &logistic->workers[worker], logistic, at, size_min(BLOCK, end - at),
		                  at == first);
	logistic->losses[share] = loss;
}

double logistic_evaluate(void *context, double *gradient, const double *parameters, size_t n)
{
	struct logistic *logistic = context;
	size_t weights = logistic->examples.L * logistic->examples.E;
	double loss = 0, square = 0;
	logistic->at = parameters;
	pool_run(logistic->pool, logistic->shares, run_share, logistic);
	for (size_t i = 0; i < weights; i++) {
		gradient[i] = logistic->penalty * parameters[i];
		square += parameters[i] * parameters[i];
	}
	for (size_t i = weights; i < n; i++)
		gradient[i] = 0;
	for (size_t share = 0; share < logistic->shares; share++) {
		const double *part = logistic->gradients + share * logistic->parameters;
		for (size_t i = 0; i < n; i++)
			gradient[i] += part[i];
		loss += logistic->losses[share];
	}
	return loss + 0.5 * logistic->penalty * square;
}
