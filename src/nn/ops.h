/* The element-wise and row-wise parts of a transformer. All loops are vectorised by the compiler;
 * outputs come first and may be the input where a comment says "in place". */
#ifndef CLIPCLS_NN_OPS_H
#define CLIPCLS_NN_OPS_H

#include "model/config.h"

#include <stddef.h>

/* out, x: (rows, D), in place allowed.   weight, bias: (D).
 * (x - mean) / sqrt(variance + eps) * weight + bias per row; biased variance. Ba et al. 2016. */
void layernorm(float *out, const float *x, const float *weight, const float *bias, size_t rows,
               size_t D, double eps);

/* x: rows of n floats, `stride` apart, in place. QuickGELU x*sigmoid(1.702x), GELU with erf or with
 * tanh, ReLU, SiLU x*sigmoid(x); within 2e-7 * max(1, |x|) of the exact value. */
void activate(float *x, enum activation activation, size_t rows, size_t n, size_t stride);

/* x: (rows, n), in place: softmax(scale * x) per row. */
void softmax_rows(float *x, size_t rows, size_t n, float scale);

/* x: n floats, in place: 1 / (1 + exp(-x)). */
void sigmoid(float *x, size_t n);

/* x += y, n floats. */
void add(float *x, const float *y, size_t n);

/* x *= y, n floats. */
void multiply_each(float *x, const float *y, size_t n);

/* Sum of a[i] * b[i], n floats, in VECTOR_LANES partial sums. */
float dot(const float *a, const float *b, size_t n);
/* The same in double precision. */
double dot_double(const float *a, const float *b, size_t n);
/* out += scale * x, n floats. */
void add_scaled(float *out, const float *x, float scale, size_t n);
/* out: (D) = the mean of x: (rows, D). */
void mean_rows(float *out, const float *x, size_t rows, size_t D);

/* x: (D), in place, to unit Euclidean length; a zero vector stays zero. */
void normalize(float *x, size_t D);

#endif
