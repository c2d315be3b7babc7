/* A matrix product whose rows are computed as if each stood alone.
 *
 * Prompts that share a pass must not change each other, and a BLAS rounds a row by its place in the
 * matrix. Here every element is one dot product, always summed in the same lanes and order. It also
 * reads the weights where they stand, without packing them, and so keeps up with a BLAS at the few
 * rows that prompts make. */
#ifndef CLIPCLS_NN_DOT_ROWS_H
#define CLIPCLS_NN_DOT_ROWS_H

#include "nn/blas.h"

/* c (m, n) = a (m, k) times b (n, k) transposed, plus what c holds when `accumulate`. */
void dot_rows_multiply_transposed(const struct blas_product *product);

/* The same for one of the instruction sets that this processor has, of which the first is the one
 * that is used; NULL past the last. Their results differ by rounding. */
typedef void (*dot_rows_fn)(const struct blas_product *product);
dot_rows_fn dot_rows_version(size_t index);

#endif
