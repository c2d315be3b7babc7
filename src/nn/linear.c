#include "nn/linear.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "nn/blas.h"
#include "nn/blocked.h"
#include "nn/dot_rows.h"
#include "nn/ops.h"

#include <stdbool.h>

/* A BLAS rounds a row differently by its place in the matrix, by the matrix's height, and a column
 * by where the matrix ends: OpenBLAS's AVX2 kernel has other code for the edges of twelve rows, and
 * its AVX-512 build for small products. Where weights are not in blocks, every tile is therefore a
 * product of its own (tiles of one row go through dot_rows.h, which has no such edges). Columns are
 * always cut at the same places, whatever the number of threads. The cut costs nothing measurable:
 * its part of the weights stays in the cache from one tile to the next. */
#define COLUMN_CHUNK 128

struct linear_job {
	const struct linear_output *outputs; /* all of one shape */
	size_t count, pieces;                /* pieces: tasks of each output */
	const float *x;
	struct row_tiles tiles;
	enum linear_mode mode;
	bool activated;
	enum activation activation;
};

/* What follows a product: the bias, then the activation. */
static void finish(float *out, const struct linear_job *job, const struct linear *linear,
                   size_t rows, size_t first, size_t n)
{
	for (size_t row = 0; linear->bias != NULL && row < rows; row++)
		add(out + row * linear->n, linear->bias + first, n);
	if (job->activated)
		activate(out, job->activation, rows, n, linear->n);
}

static void run_block_column(void *context, size_t task, size_t worker)
{
	const struct linear_job *job = context;
	const struct linear_output *output = &job->outputs[task / job->pieces];
	const struct linear *linear = output->linear;
	const struct blocked_weight weight = { linear->blocks, linear->weight, linear->n, linear->k };
	size_t column = task % job->pieces, first = column * BLOCK;
	size_t n = size_min(BLOCK, linear->n - first), rows = job->tiles.count * job->tiles.rows;
	float *out = output->out + first;
	(void)worker;
	blocked_multiply(out, linear->n, job->x, linear->k, rows, &weight, column,
	                 job->mode == LINEAR_ADD);
	finish(out, job, linear, rows, first, n);
}

/* The columns [first, first + n) of `rows` rows from `row` on, by `multiply`. */
static void run_rows(const struct linear_job *job, const struct linear_output *output, size_t row,
                     size_t rows, size_t first, size_t n,
                     void (*multiply)(const struct blas_product *product))
{
	const struct linear *linear = output->linear;
	float *out = output->out + row * linear->n + first;
	struct blas_product product = {
		.m = rows,
		.n = n,
		.k = linear->k,
		.a = job->x + row * linear->k,
		.a_stride = linear->k,
		.b = linear->weight + first * linear->k,
		.b_stride = linear->k,
		.c = out,
		.c_stride = linear->n,
		.accumulate = job->mode == LINEAR_ADD,
	};
	multiply(&product);
	finish(out, job, linear, rows, first, n);
}

static void run_chunk(void *context, size_t task, size_t worker)
{
	const struct linear_job *job = context;
	const struct linear_output *output = &job->outputs[task / job->pieces];
	size_t first = task % job->pieces * COLUMN_CHUNK;
	size_t n = size_min(COLUMN_CHUNK, output->linear->n - first);
	(void)worker;
	if (job->tiles.rows == 1) {
		run_rows(job, output, 0, job->tiles.count, first, n, dot_rows_multiply_transposed);
		return;
	}
	for (size_t tile = 0; tile < job->tiles.count; tile++)
		run_rows(job, output, tile * job->tiles.rows, job->tiles.rows, first, n,
		         blas_multiply_transposed);
}

static void run(struct linear_job *job, struct pool *pool)
{
	size_t width = blocked_usable() ? BLOCK : COLUMN_CHUNK;
	job->pieces = (job->outputs->linear->n + width - 1) / width;
	pool_run(pool, job->count * job->pieces, blocked_usable() ? run_block_column : run_chunk, job);
}

void linear_apply(float *out, const float *x, struct row_tiles tiles, const struct linear *linear,
                  enum linear_mode mode, struct pool *pool)
{
	const struct linear_output output = { out, linear };
	struct linear_job job = {
		.outputs = &output, .count = 1, .x = x, .tiles = tiles, .mode = mode
	};
	run(&job, pool);
}

void linear_apply_all(const struct linear_output *outputs, size_t count, const float *x,
                      struct row_tiles tiles, struct pool *pool)
{
	struct linear_job job = {
		.outputs = outputs, .count = count, .x = x, .tiles = tiles, .mode = LINEAR_SET
	};
	run(&job, pool);
}

void linear_activate(float *out, const float *x, struct row_tiles tiles,
                     const struct linear *linear, enum activation activation, struct pool *pool)
{
	const struct linear_output output = { out, linear };
	struct linear_job job = { .outputs = &output,
		                      .count = 1,
		                      .x = x,
		                      .tiles = tiles,
		                      .mode = LINEAR_SET,
		                      .activated = true,
		                      .activation = activation };
	run(&job, pool);
}

void linear_describe(struct buffer *out)
{
	if (blocked_usable()) {
		buffer_text(out, blocked_name());
		buffer_text(out, ", ");
	}
	buffer_text(out, blas_name());
}
