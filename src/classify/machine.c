/* The machine's limits: the fastest of some large matrix products, and multiply-adds in registers.
 *
 * Every thread works on data of its own at the same time, as the towers do. Of several rounds the
 * fastest counts: what disturbs a round says nothing about the limit. */
#include "base/clock.h"
#include "classify/model.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/blas.h"
#include "base/vector.h"

#include <stdlib.h>
#include <string.h>

/* The kernel's vectors never cross a call: everything that takes or gives one is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

/* Sides of the products: from what fits the second-level cache to what only fits the third. */
static const size_t sizes[] = { 256, 384, 512, 768, 1024 };
#define SIZE_COUNT (sizeof sizes / sizeof *sizes)
#define ROUNDS 3

/* Independent sums: two units that take four cycles each want at least eight; with two operands
 * they fit sixteen registers. */
#define FMA_SUMS 12
#define FMA_STEPS 4096

struct rounds {
	size_t threads, repeats;
	size_t side;    /* of the products; 0 for multiply-adds */
	float *memory;  /* (threads, 3, side, side) */
	float *results; /* (threads): what was computed is used */
};

#define DEFINE_FMA(name, lane_count, attributes)                                        \
	attributes static float name(float factor, float addend)                            \
	{                                                                                   \
		typedef float lanes __attribute__((vector_size((lane_count) * sizeof(float)))); \
		lanes sums[FMA_SUMS], x = factor + (lanes){ 0 }, y = addend + (lanes){ 0 };     \
		float result = 0;                                                               \
		for (size_t i = 0; i < FMA_SUMS; i++)                                           \
			sums[i] = y * (float)i;                                                     \
		for (size_t step = 0; step < FMA_STEPS; step++)                                 \
			for (size_t i = 0; i < FMA_SUMS; i++)                                       \
				sums[i] = sums[i] * x + y;                                              \
		for (size_t i = 0; i < FMA_SUMS; i++)                                           \
			for (size_t lane = 0; lane < (lane_count); lane++)                          \
				result += sums[i][lane];                                                \
		return result;                                                                  \
	}

#define NO_ATTRIBUTES
#if defined(VECTOR_X86)
DEFINE_FMA(fma_avx512, 16, __attribute__((target("avx512f"))))
DEFINE_FMA(fma_avx2, 8, __attribute__((target("avx2,fma"))))
#endif
DEFINE_FMA(fma_plain, 4, NO_ATTRIBUTES)

static float (*fma_kernel(size_t *lanes))(float, float)
{
#if defined(VECTOR_X86)
	*lanes = 16;
	if (__builtin_cpu_supports("avx512f"))
		return fma_avx512;
	*lanes = 8;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return fma_avx2;
#endif
	*lanes = 4;
	return fma_plain;
}

static void run_fma(void *context, size_t task, size_t worker)
{
	const struct rounds *rounds = context;
	size_t lanes;
	float (*kernel)(float, float) = fma_kernel(&lanes), sum = 0;
	(void)worker;
	for (size_t i = 0; i < rounds->repeats; i++)
		sum += kernel(0.5f, 0.25f + sum * 1e-9f);
	rounds->results[task] = sum;
}

static void run_products(void *context, size_t task, size_t worker)
{
	const struct rounds *rounds = context;
	size_t n = rounds->side;
	float *a = rounds->memory + task * 3 * n * n;
	struct blas_product product = {
		.m = n,
		.n = n,
		.k = n,
		.a = a,
		.a_stride = n,
		.b = a + n * n,
		.b_stride = n,
		.c = a + 2 * n * n,
		.c_stride = n,
	};
	(void)worker;
	for (size_t i = 0; i < rounds->repeats; i++)
		blas_multiply_transposed(&product);
	rounds->results[task] = product.c[n];
}

static double time_round(struct rounds *rounds, struct pool *pool, pool_fn run)
{
	double start = clock_seconds();
	pool_run(pool, rounds->threads, run, rounds);
	return clock_seconds() - start;
}

/* Operations per second of all threads together; `flops` is one repeat's of one thread. */
static double fastest(struct rounds *rounds, struct pool *pool, pool_fn run, double flops,
                      double seconds)
{
	rounds->repeats = 1;
	time_round(rounds, pool, run); /* wakes the threads, fills the caches */
	double once = time_round(rounds, pool, run), best = 0;
	double fit = seconds / ROUNDS / once;
	rounds->repeats = fit > 1 ? (size_t)fit : 1;
	for (size_t i = 0; i < ROUNDS; i++) {
		double taken = time_round(rounds, pool, run);
		double rate = (double)(rounds->threads * rounds->repeats) * flops / taken;
		best = rate > best ? rate : best;
	}
	return best;
}

static void fill(float *x, size_t n)
{
	uint32_t state = 1;
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		x[i] = (float)(state >> 8) * 0x1p-24f - 0.5f;
	}
}

clipcls_status clipcls_measure_machine(clipcls_model *model, double seconds, clipcls_machine *out,
                                       clipcls_error *error)
{
	size_t threads = pool_threads(model->pool), most = sizes[SIZE_COUNT - 1], lanes, floats;
	double share = seconds / (SIZE_COUNT + 1);
	struct rounds rounds = { .threads = threads };
	*out = (clipcls_machine){ 0 };
	if (size_mul(3 * most * most, threads, &floats))
		rounds.memory = memory_floats(floats);
	rounds.results = memory_new(threads, sizeof *rounds.results);
	if (rounds.memory == NULL || rounds.results == NULL) {
		free(rounds.memory);
		free(rounds.results);
		return error_memory(error);
	}
	fill(rounds.memory, floats);
	fma_kernel(&lanes);
	out->fma_flops =
	    fastest(&rounds, model->pool, run_fma, 2.0 * FMA_STEPS * FMA_SUMS * (double)lanes, share);
	for (size_t i = 0; i < SIZE_COUNT; i++) {
		double n = (double)sizes[i], flops = 2 * n * n * n;
		/* A slow backend is spared the sizes that alone would take longer than all may. */
		if (i > 0 && flops * (double)threads > out->product_flops * seconds)
			break;
		rounds.side = sizes[i];
		double rate = fastest(&rounds, model->pool, run_products, flops, share);
		if (rate > out->product_flops) {
			out->product_flops = rate;
			out->product_size = sizes[i];
		}
	}
	free(rounds.memory);
	free(rounds.results);
	return CLIPCLS_OK;
}
