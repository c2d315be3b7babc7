/* Linear layers over weights stored in blocks: kernels made for the processor at run time read each
 * block where it lies, at few rows as fast as at many. Absent where the build or the processor has
 * no such kernels; every backend can do without. */
#ifndef CLIPCLS_NN_BLOCKED_H
#define CLIPCLS_NN_BLOCKED_H

#include "base/error.h"
#include "base/pool.h"

#include <stdbool.h>

/* Columns and depth of a block. A weight (N, K) is (ceil N/64, ceil K/64, 64 of k, 64 of n), filled
 * up with zeros. */
#define BLOCK 64

/* Whether kernels can be made for this processor. */
bool blocked_usable(void);
/* "libxsmm 1.17 cpx"; NULL when not usable. */
const char *blocked_name(void);

/* Floats of a weight (n, k) in blocks; false when that overflows. */
bool blocked_floats(size_t *out, size_t n, size_t k);

/* Where a kernel finds its weight (n, k): in blocks, or, with blocks NULL, row-major. */
struct blocked_weight {
	const float *blocks, *rows;
	size_t n, k;
};

/* row: (k) = row n of a weight in blocks. */
void blocked_row(float *row, const float *blocks, size_t k, size_t n);

/* blocks (blocked_floats) = the weight, rearranged in parallel on `pool` (may be NULL). */
void blocked_fill(float *blocks, const struct blocked_weight *weight, struct pool *pool);

/* Rearranges `count` blocks of one column, from block `depth` of k on. */
void blocked_pack(float *blocks, const struct blocked_weight *weight, size_t column, size_t depth,
                  size_t count);

/* out (rows, 64 or what is left of n) = x (rows, k) times one column of blocks, transposed, plus
 * what out holds when `accumulate`. out_stride, x_stride: floats from row to row.   column: which
 * 64 of n. A row's result does not depend on the other rows or their number, nor on whether the
 * weight is in blocks: a row-major one is rearranged on the way, for every call anew. */
void blocked_multiply(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                      const struct blocked_weight *weight, size_t column, bool accumulate);

/* c (m, n) = a (m, k) times b (k, n) in one kernel; false when there is none for the shape. */
struct blas_product;
bool blocked_small_product(const struct blas_product *product);

/* out (rows, columns) = or += the sum over taps t of x_t (rows, depth) times weight_t (depth,
 * columns): a convolution, or a part of one, over a run of pixels. Weights are (depth, columns)
 * without gaps; offsets are floats from `x` and `weight` to those of each tap. */
#define BLOCKED_TAPS 32
struct tap_product {
	float *out; /* (rows, columns), no gaps */
	const float *x;
	size_t x_stride; /* floats from row to row; less than `depth` where rows overlap */
	const float *weight;
	const size_t *x_offsets, *weight_offsets; /* (taps) */
	size_t rows, columns, depth, taps;        /* taps <= BLOCKED_TAPS */
	bool accumulate;
};
/* In one kernel; false when there is none for the shape. An element's sum may be in another order
 * for another number of rows. */
bool blocked_taps(const struct tap_product *product);

#endif
