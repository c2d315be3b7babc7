/* The seam to the matrix-product library: the only thing that a backend has to provide.
 *
 * All matrices are row-major with a leading dimension (floats from one row to the next). Sums run
 * over k in one order, so that an element's value depends on its row of `a` and its column alone.
 */
#ifndef CLIPCLS_NN_BLAS_H
#define CLIPCLS_NN_BLAS_H

#include <stddef.h>

/* A product's operands: c (m, n) = a (m, k) times b, plus what c holds when `accumulate`. */
struct blas_product {
	size_t m, n, k;
	const float *a;
	size_t a_stride;
	const float *b;
	size_t b_stride;
	float *c;
	size_t c_stride;
	int accumulate;
};

/* b is (n, k), used transposed: the layout of a linear layer's weight. */
void blas_multiply_transposed(const struct blas_product *product);
/* b is (k, n). */
void blas_multiply(const struct blas_product *product);

/* The same in double, where rounding would show: the loss and the gradient of training. */
struct blas_double_product {
	size_t m, n, k;
	const double *a, *b; /* a (m, k); b (n, k) when b_transposed, else (k, n) */
	size_t a_stride, b_stride;
	int b_transposed;
	double *c;
	size_t c_stride;
	int accumulate;
};
void blas_multiply_double(const struct blas_double_product *product);

/* Makes the library run in the calling thread only: our own pool does the splitting. */
void blas_setup(void);
/* "OpenBLAS 0.3.21 Haswell"; static text. */
const char *blas_name(void);

#endif
