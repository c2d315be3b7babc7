/* Rows to columns, in vectors. */
#ifndef CLIPCLS_NN_TRANSPOSE_H
#define CLIPCLS_NN_TRANSPOSE_H

#include <stddef.h>

/* out: (columns, rows) = in: (rows, columns) transposed; strides are floats from row to row. */
void transpose(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
               size_t columns);

#endif
