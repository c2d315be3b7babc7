#include "nn/blocked.h"

#include "base/checked.h"
#include "nn/blas.h"

#include <libxsmm.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Rows of one kernel call; more gain nothing. */
#define TILE_ROWS 64
/* Depth of one kernel call, in blocks: its part of the weight, 256 KB, stays in the second-level
 * cache while the kernel goes through it once for every few rows. Measured on B/32's and L/14's
 * shapes: without a limit the AVX2 kernels lose 10 to 28 %; less depth costs at few rows. */
#define TILE_DEPTH 16

/* Kernels are column-major: what is a row here is a column there. c (64, rows) = or += a (64, k)
 * times b (k, rows). The blocks of one column lie one behind the other along k, and so are one such
 * a. */
static libxsmm_smmfunction find_kernel(size_t rows, size_t k, size_t b_stride, size_t c_stride,
                                       bool accumulate)
{
	const libxsmm_blasint lda = BLOCK, ldb = (libxsmm_blasint)b_stride,
	                      ldc = (libxsmm_blasint)c_stride;
	const float alpha = 1, beta = accumulate ? 1 : 0;
	return libxsmm_smmdispatch(BLOCK, (libxsmm_blasint)rows, (libxsmm_blasint)k, &lda, &ldb, &ldc,
	                           &alpha, &beta, NULL, NULL);
}

/* Constant for the life of the process: written once, under pthread_once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable;
static char name[64];

static void look(void)
{
	libxsmm_init();
	usable = find_kernel(TILE_ROWS, BLOCK, BLOCK, BLOCK, false) != NULL;
	snprintf(name, sizeof name, "libxsmm %s %s", LIBXSMM_VERSION, libxsmm_get_target_arch());
}

bool blocked_usable(void)
{
	pthread_once(&once, look);
	return usable;
}

const char *blocked_name(void)
{
	return blocked_usable() ? name : NULL;
}

/* Blocks that are rearranged at once: they stay in the second-level cache for all rows. */
#define PACKED_BLOCKS 8

/* A tile of a last column of fewer than 64, by way of a full one: a kernel of so few columns may
 * sum in another order for few rows than for many. */
static void multiply_narrow_tile(float *out, size_t out_stride, const float *x, size_t x_stride,
                                 size_t rows, const float *blocks, size_t columns, size_t k,
                                 bool accumulate)
{
	_Alignas(64) float full[TILE_ROWS * BLOCK] = { 0 };
	for (size_t row = 0; accumulate && row < rows; row++)
		memcpy(full + row * BLOCK, out + row * out_stride, columns * sizeof *out);
	find_kernel(rows, k, x_stride, BLOCK, accumulate)(blocks, x, full);
	for (size_t row = 0; row < rows; row++)
		memcpy(out + row * out_stride, full + row * BLOCK, columns * sizeof *out);
}

/* out (rows, columns) = or += x (rows, k) times blocks. The kernel does not read beyond x. */
static void multiply_rows(float *out, size_t out_stride, const float *x, size_t x_stride,
                          size_t rows, const float *blocks, size_t columns, size_t k,
                          bool accumulate)
{
	for (size_t row = 0; row < rows; row += TILE_ROWS) {
		size_t height = size_min(TILE_ROWS, rows - row);
		float *tile = out + row * out_stride;
		const float *from = x + row * x_stride;
		if (columns == BLOCK)
			find_kernel(height, k, x_stride, out_stride, accumulate)(blocks, from, tile);
		else
			multiply_narrow_tile(tile, out_stride, from, x_stride, height, blocks, columns, k,
			                     accumulate);
	}
}

/* Blocks of each stretch of a column: the fewest equal ones of at most `most`. */
static size_t stretch_of(size_t depth, size_t most)
{
	size_t stretches = (depth + most - 1) / most;
	return (depth + stretches - 1) / stretches;
}

void blocked_multiply(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                      const struct blocked_weight *weight, size_t column, bool accumulate)
{
	_Alignas(64) float packed[PACKED_BLOCKS * BLOCK * BLOCK];
	size_t columns = size_min(BLOCK, weight->n - column * BLOCK);
	size_t depth = (weight->k + BLOCK - 1) / BLOCK;
	size_t stretch = stretch_of(depth, weight->blocks != NULL ? TILE_DEPTH : PACKED_BLOCKS);
	for (size_t block = 0; block < depth; block += stretch) {
		size_t count = size_min(stretch, depth - block), k = block * BLOCK;
		const float *blocks = packed;
		if (weight->blocks != NULL)
			blocks = weight->blocks + (column * depth + block) * BLOCK * BLOCK;
		else
			blocked_pack(packed, weight, column, block, count);
		multiply_rows(out, out_stride, x + k, x_stride, rows, blocks, columns,
		              size_min(count * BLOCK, weight->k - k), accumulate || block > 0);
	}
}

bool blocked_small_product(const struct blas_product *p)
{
	const libxsmm_blasint lda = (libxsmm_blasint)p->b_stride, ldb = (libxsmm_blasint)p->a_stride,
	                      ldc = (libxsmm_blasint)p->c_stride;
	const float alpha = 1, beta = p->accumulate ? 1 : 0;
	if (!blocked_usable())
		return false;
	libxsmm_smmfunction multiply =
	    libxsmm_smmdispatch((libxsmm_blasint)p->n, (libxsmm_blasint)p->m, (libxsmm_blasint)p->k,
	                        &lda, &ldb, &ldc, &alpha, &beta, NULL, NULL);
	if (multiply == NULL)
		return false;
	multiply(p->b, p->a, p->c);
	return true;
}

bool blocked_taps(const struct tap_product *p)
{
	const libxsmm_blasint lda = (libxsmm_blasint)p->columns, ldb = (libxsmm_blasint)p->x_stride,
	                      ldc = (libxsmm_blasint)p->columns;
	const float alpha = 1, beta = p->accumulate ? 1 : 0;
	unsigned long long weight_bytes[BLOCKED_TAPS], x_bytes[BLOCKED_TAPS], taps = p->taps;
	if (!blocked_usable())
		return false;
	/* Sums stay in registers over all taps: an element of out is written once. */
	libxsmm_smmfunction_reducebatch_offs multiply = libxsmm_smmdispatch_reducebatch_offs(
	    (libxsmm_blasint)p->columns, (libxsmm_blasint)p->rows, (libxsmm_blasint)p->depth, &lda,
	    &ldb, &ldc, &alpha, &beta, NULL, NULL);
	if (multiply == NULL)
		return false;
	for (size_t tap = 0; tap < p->taps; tap++) {
		weight_bytes[tap] = p->weight_offsets[tap] * sizeof(float);
		x_bytes[tap] = p->x_offsets[tap] * sizeof(float);
	}
	multiply(p->weight, p->x, p->out, &taps, weight_bytes, x_bytes);
	return true;
}
