#include "nn/blocked.h"

#include "base/checked.h"
#include "nn/blas.h"

#include <libxsmm.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Rows of one kernel call: measured best, or within 2 % of it, from 12 to 64 for the shapes of B/32
 * and L/14 with AVX2 and AVX-512 kernels; 48 suits both registers' sizes. */
#define TILE_ROWS 48

/* Kernels are column-major: what is a row here is a column there. c (64, rows) += blocks (64, k)
 * times b (k, rows), summed over a batch of blocks. */
typedef libxsmm_smmfunction_reducebatch_strd kernel;

static kernel find_kernel(size_t rows, size_t k, size_t b_stride, size_t c_stride)
{
	const libxsmm_blasint lda = BLOCK, ldb = (libxsmm_blasint)b_stride,
	                      ldc = (libxsmm_blasint)c_stride;
	const float alpha = 1, beta = 1;
	return libxsmm_smmdispatch_reducebatch_strd(
	    BLOCK, (libxsmm_blasint)rows, (libxsmm_blasint)k, BLOCK * BLOCK * sizeof(float),
	    BLOCK * sizeof(float), &lda, &ldb, &ldc, &alpha, &beta, NULL, NULL);
}

/* Constant for the life of the process: written once, under pthread_once. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool usable;
static char name[64];

static void look(void)
{
	libxsmm_init();
	usable = find_kernel(TILE_ROWS, BLOCK, BLOCK, BLOCK) != NULL;
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
#define PACKED_BLOCKS 4

/* out (rows, 64) += x (rows, k) times blocks. Whole blocks of k in one call, what is left of k in
 * another: the kernel must not read beyond x. */
static void multiply_tile(float *out, size_t out_stride, const float *x, size_t x_stride,
                          size_t rows, const float *blocks, size_t k)
{
	unsigned long long whole = k / BLOCK, one = 1;
	size_t left = k % BLOCK;
	if (whole > 0)
		find_kernel(rows, BLOCK, x_stride, out_stride)(blocks, x, out, &whole);
	if (left > 0)
		find_kernel(rows, left, x_stride, out_stride)(blocks + whole * BLOCK * BLOCK,
		                                              x + whole * BLOCK, out, &one);
}

/* The same for a last column of fewer than 64: by way of a full one. A kernel of so few columns may
 * sum in another order for few rows than for many. */
static void multiply_narrow_tile(float *out, size_t out_stride, const float *x, size_t x_stride,
                                 size_t rows, const float *blocks, size_t columns, size_t k)
{
	_Alignas(64) float full[TILE_ROWS * BLOCK] = { 0 };
	for (size_t row = 0; row < rows; row++)
		memcpy(full + row * BLOCK, out + row * out_stride, columns * sizeof *out);
	multiply_tile(full, BLOCK, x, x_stride, rows, blocks, k);
	for (size_t row = 0; row < rows; row++)
		memcpy(out + row * out_stride, full + row * BLOCK, columns * sizeof *out);
}

static void multiply_rows(float *out, size_t out_stride, const float *x, size_t x_stride,
                          size_t rows, const float *blocks, size_t columns, size_t k)
{
	for (size_t row = 0; row < rows; row += TILE_ROWS) {
		size_t height = size_min(TILE_ROWS, rows - row);
		float *tile = out + row * out_stride;
		if (columns == BLOCK)
			multiply_tile(tile, out_stride, x + row * x_stride, x_stride, height, blocks, k);
		else
			multiply_narrow_tile(tile, out_stride, x + row * x_stride, x_stride, height, blocks,
			                     columns, k);
	}
}

void blocked_multiply(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                      const struct blocked_weight *weight, size_t column)
{
	size_t columns = size_min(BLOCK, weight->n - column * BLOCK);
	size_t depth = (weight->k + BLOCK - 1) / BLOCK;
	if (weight->blocks != NULL) {
		multiply_rows(out, out_stride, x, x_stride, rows,
		              weight->blocks + column * depth * BLOCK * BLOCK, columns, weight->k);
		return;
	}
	_Alignas(64) float packed[PACKED_BLOCKS * BLOCK * BLOCK];
	for (size_t block = 0; block < depth; block += PACKED_BLOCKS) {
		size_t count = size_min(PACKED_BLOCKS, depth - block), k = block * BLOCK;
		blocked_pack(packed, weight, column, block, count);
		multiply_rows(out, out_stride, x + k, x_stride, rows, packed, columns,
		              size_min(count * BLOCK, weight->k - k));
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
