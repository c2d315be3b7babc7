#include "nn/low.h"

#include "base/checked.h"
#include "base/memory.h"
#include "model/quantized.h"
#include "nn/blocked.h"
#include "nn/ops.h"
#include "nn/quantize.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Columns that are one task: their weights stay in the second-level cache from tile to tile. */
#define COLUMNS 128
/* Sums of k products of 255 and 127 fit 32 bits. */
#define LARGEST_K 65536
/* D and F as k, each with whole columns and with what is left of D and F. */
#define MOST_SHAPES 6

struct shape {
	size_t n, k;
	struct low_kernels *kernels;
};

struct low_linear {
	const struct shape *whole, *last; /* of COLUMNS, and of what is left; either may be NULL */
	size_t whole_bytes;               /* of one whole chunk in `packed` */
	unsigned char *packed;
	float *scales; /* (N), int8 */
	int32_t *sums; /* (N), int8 */
};

struct low_weights {
	enum low_type type;
	struct shape shapes[MOST_SHAPES];
	size_t shape_count;
	struct low_linear *linears; /* (count) */
	size_t count;
	struct arena arena; /* what the linears point to */
};

/* ---- weights -------------------------------------------------------------------------------- */

static clipcls_status find_shape(const struct shape **out, struct low_weights *weights, size_t n,
                                 size_t k, const size_t rows[2], size_t threads,
                                 clipcls_error *error)
{
	*out = NULL;
	if (n == 0)
		return CLIPCLS_OK;
	for (size_t i = 0; *out == NULL && i < weights->shape_count; i++)
		if (weights->shapes[i].n == n && weights->shapes[i].k == k)
			*out = &weights->shapes[i];
	if (*out != NULL)
		return CLIPCLS_OK;
	if (weights->shape_count == MOST_SHAPES || k > LARGEST_K)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "low precision: a linear layer of %zu inputs is not supported", k);
	struct shape *shape = &weights->shapes[weights->shape_count];
	clipcls_status status =
	    low_kernels_new(&shape->kernels, weights->type, rows, n, k, threads, error);
	if (status != CLIPCLS_OK)
		return status;
	shape->n = n;
	shape->k = k;
	weights->shape_count++;
	*out = shape;
	return CLIPCLS_OK;
}

/* Bytes of one chunk, so that the next one is aligned. */
static size_t chunk_bytes(const struct shape *shape)
{
	return shape == NULL
	           ? 0
	           : size_round_up(low_kernels_weight_bytes(shape->kernels), MEMORY_ALIGNMENT);
}

static size_t floats_of(size_t bytes)
{
	return (bytes + sizeof(float) - 1) / sizeof(float);
}

/* Finds every linear's kernels, and room for its weights. */
static clipcls_status lay_out(struct low_weights *weights, struct linear *const *linears,
                              const size_t rows[2], size_t threads, clipcls_error *error)
{
	size_t total = 0;
	for (size_t i = 0; i < weights->count; i++) {
		struct low_linear *low = &weights->linears[i];
		size_t N = linears[i]->n, K = linears[i]->k, whole = N / COLUMNS;
		clipcls_status status =
		    find_shape(&low->whole, weights, whole > 0 ? COLUMNS : 0, K, rows, threads, error);
		if (status == CLIPCLS_OK)
			status = find_shape(&low->last, weights, N % COLUMNS, K, rows, threads, error);
		if (status != CLIPCLS_OK)
			return status;
		low->whole_bytes = chunk_bytes(low->whole);
		/* Fewer bytes than the floats of the same weight: no overflow. */
		total += arena_size_of(floats_of(whole * low->whole_bytes + chunk_bytes(low->last))) +
		         2 * arena_size_of(N);
	}
	clipcls_status status = arena_init(&weights->arena, total, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < weights->count; i++) {
		struct low_linear *low = &weights->linears[i];
		size_t N = linears[i]->n;
		size_t bytes = N / COLUMNS * low->whole_bytes + chunk_bytes(low->last);
		low->packed = (unsigned char *)arena_floats(&weights->arena, floats_of(bytes));
		low->scales = arena_floats(&weights->arena, N);
		low->sums = (int32_t *)(void *)arena_floats(&weights->arena, N);
	}
	return status;
}

static const struct shape *shape_of(const struct low_linear *low, size_t chunk, size_t N)
{
	return chunk < N / COLUMNS ? low->whole : low->last;
}

struct pack_job {
	const struct linear *linear;
	const struct low_linear *low;
	enum low_type type;
	atomic_bool failed;
};

/* One output's weights as floats, in `row` (K) where they have to be made. */
static const float *weight_row(float *row, const struct linear *linear, size_t n)
{
	const struct quantized_weight *quantized = &linear->quantized;
	if (linear->weight != NULL)
		return linear->weight + n * linear->k;
	if (linear->blocks != NULL) {
		blocked_row(row, linear->blocks, linear->k, n);
		return row;
	}
	dequantize_weight(row, quantized->values + n * linear->k, linear->k,
	                  quantized_scale(quantized, n));
	return row;
}

/* The file's own int8, where the kernels can take it. */
static bool takes_stored(const struct pack_job *job)
{
	return job->type == LOW_INT8 && job->linear->quantized.values != NULL &&
	       low_products_weight_limit() == QUANTIZED_LIMIT;
}

/* The weights of n outputs from `first` on as they are stored: (n, K), with their scales and sums.
 */
static const void *stored_values(const struct pack_job *job, size_t first, size_t n)
{
	const struct quantized_weight *quantized = &job->linear->quantized;
	size_t k = job->linear->k;
	for (size_t i = first; i < first + n; i++) {
		job->low->scales[i] = quantized_scale(quantized, i);
		job->low->sums[i] = quantized_sum(quantized->values + i * k, k);
	}
	return quantized->values + first * k;
}

/* The same made of floats.   scratch: room for the values and, behind them, a row of floats. */
static const void *made_values(float *scratch, const struct pack_job *job, size_t first, size_t n)
{
	size_t k = job->linear->k;
	float *row = scratch + low_values_floats(n, k);
	for (size_t i = 0; i < n; i++) {
		const float *weight = weight_row(row, job->linear, first + i);
		if (job->type == LOW_INT8)
			quantize_weight((int8_t *)(void *)scratch + i * k, &job->low->scales[first + i],
			                &job->low->sums[first + i], weight, k, low_products_weight_limit());
		else
			round_to_bf16((uint16_t *)(void *)scratch + i * k, weight, k);
	}
	return scratch;
}

static void pack_chunk(void *context, size_t chunk, size_t worker)
{
	struct pack_job *job = context;
	const struct low_linear *low = job->low;
	const struct shape *shape = shape_of(low, chunk, job->linear->n);
	size_t n = shape->n, k = shape->k, first = chunk * COLUMNS;
	bool stored = takes_stored(job);
	float *scratch = stored ? NULL : memory_floats(low_values_floats(n, k) + k);
	const void *values = NULL;
	(void)worker;
	if (stored)
		values = stored_values(job, first, n);
	else if (scratch != NULL)
		values = made_values(scratch, job, first, n);
	if (values == NULL ||
	    !low_kernels_pack(low->packed + chunk * low->whole_bytes, values, shape->kernels))
		atomic_store(&job->failed, true);
	free(scratch);
}

static size_t chunks_of(const struct linear *linear)
{
	return (linear->n + COLUMNS - 1) / COLUMNS;
}

clipcls_status low_weights_new(struct low_weights **out, enum low_type type,
                               struct linear *const *linears, size_t count, const size_t rows[2],
                               struct pool *pool, clipcls_error *error)
{
	*out = NULL;
	struct low_weights *weights = memory_new(1, sizeof *weights);
	if (weights == NULL)
		return error_memory(error);
	weights->type = type;
	weights->count = count;
	weights->linears = memory_new(count, sizeof *weights->linears);
	clipcls_status status = weights->linears == NULL
	                            ? error_memory(error)
	                            : lay_out(weights, linears, rows, pool_threads(pool), error);
	for (size_t i = 0; status == CLIPCLS_OK && i < count; i++) {
		struct pack_job job = { .linear = linears[i], .low = &weights->linears[i], .type = type };
		pool_run(pool, chunks_of(linears[i]), pack_chunk, &job);
		if (atomic_load(&job.failed))
			status = error_memory(error);
	}
	if (status != CLIPCLS_OK) {
		low_weights_free(weights);
		return status;
	}
	for (size_t i = 0; i < count; i++)
		linears[i]->low = &weights->linears[i];
	*out = weights;
	return CLIPCLS_OK;
}

void low_weights_free(struct low_weights *weights)
{
	if (weights == NULL)
		return;
	for (size_t i = 0; i < weights->shape_count; i++)
		low_kernels_free(weights->shapes[i].kernels);
	free(weights->linears);
	arena_free(&weights->arena);
	free(weights);
}

/* ---- products ------------------------------------------------------------------------------- */

struct low_job {
	const struct linear_output *outputs; /* all of one shape */
	size_t count;
	const struct low_rows *rows;
	struct row_tiles tiles;
	enum linear_mode mode;
	bool activated;
	enum activation activation;
};

/* Products of bf16 are floats already. */
static void put_floats(float *out, const float *products, size_t n, const float *bias,
                       enum linear_mode mode)
{
	if (mode == LINEAR_SET)
		memcpy(out, products, n * sizeof *out);
	else
		add(out, products, n);
	if (bias != NULL)
		add(out, bias, n);
}

/* The columns [first, first + n) of one tile, which starts with `row`. products: NULL = failed. */
static void put_tile(const struct low_job *job, const struct linear_output *output,
                     const void *products, size_t row, size_t first, size_t n)
{
	const struct linear *linear = output->linear;
	const struct low_linear *low = linear->low;
	const float *bias = linear->bias != NULL ? linear->bias + first : NULL;
	const struct dequantizer dequantizer = { low->scales + first, low->sums + first, bias };
	for (size_t i = 0; i < job->tiles.rows; i++) {
		float *out = output->out + (row + i) * linear->n + first;
		if (products == NULL) /* no result is better than a wrong one */
			for (size_t j = 0; j < n; j++)
				out[j] = NAN;
		else if (job->rows->type == LOW_INT8)
			dequantize_row(out, (const int32_t *)products + i * n, n, job->rows->scales[row + i],
			               job->rows->zeros[row + i], &dequantizer, job->mode == LINEAR_ADD);
		else
			put_floats(out, (const float *)products + i * n, n, bias, job->mode);
		if (job->activated)
			activate(out, job->activation, 1, n, n);
	}
}

static void run_chunk(void *context, size_t task, size_t worker)
{
	const struct low_job *job = context;
	size_t chunks = chunks_of(job->outputs->linear), chunk = task % chunks;
	const struct linear_output *output = &job->outputs[task / chunks];
	const struct linear *linear = output->linear;
	const struct shape *shape = shape_of(linear->low, chunk, linear->n);
	size_t row_bytes = linear->k * (job->rows->type == LOW_INT8 ? 1 : sizeof(uint16_t));
	const unsigned char *packed = linear->low->packed + chunk * linear->low->whole_bytes;
	struct low_slot *slot = low_slot_take(shape->kernels);
	(void)worker;
	for (size_t tile = 0; tile < job->tiles.count; tile++) {
		size_t row = tile * job->tiles.rows;
		const unsigned char *x = (const unsigned char *)job->rows->values + row * row_bytes;
		const void *products = low_slot_multiply(slot, x, job->tiles.rows, packed);
		put_tile(job, output, products, row, chunk * COLUMNS, shape->n);
	}
	low_slot_give(slot);
}

static void run(struct low_job *job, struct pool *pool)
{
	pool_run(pool, job->count * chunks_of(job->outputs->linear), run_chunk, job);
}

void low_apply(float *out, const struct low_rows *rows, struct row_tiles tiles,
               const struct linear *linear, enum linear_mode mode, struct pool *pool)
{
	const struct linear_output output = { out, linear };
	struct low_job job = {
		.outputs = &output, .count = 1, .rows = rows, .tiles = tiles, .mode = mode
	};
	run(&job, pool);
}

void low_apply_all(const struct linear_output *outputs, size_t count, const struct low_rows *rows,
                   struct row_tiles tiles, struct pool *pool)
{
	struct low_job job = {
		.outputs = outputs, .count = count, .rows = rows, .tiles = tiles, .mode = LINEAR_SET
	};
	run(&job, pool);
}

void low_activate(float *out, const struct low_rows *rows, struct row_tiles tiles,
                  const struct linear *linear, enum activation activation, struct pool *pool)
{
	const struct linear_output output = { out, linear };
	struct low_job job = { .outputs = &output,
		                   .count = 1,
		                   .rows = rows,
		                   .tiles = tiles,
		                   .mode = LINEAR_SET,
		                   .activated = true,
		                   .activation = activation };
	run(&job, pool);
}
