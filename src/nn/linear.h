/* A linear layer over rows: the one operation that nearly all the time goes into. */
#ifndef CLIPCLS_NN_LINEAR_H
#define CLIPCLS_NN_LINEAR_H

#include "base/pool.h"
#include "model/config.h"
#include "model/quantized.h"

#include <stddef.h>

/* weight: (N, K) row-major.   bias: (N) or NULL. Both borrowed from the checkpoint.
 * blocks: the weight in blocks (blocked.h), or NULL; with it products are faster, not different.
 * low: the weight in low precision (low.h), or NULL.
 * quantized: (N, K) as the file has it, where it has int8; weight may then be NULL, and there are
 * products in low precision alone. */
struct linear {
	const float *weight, *bias, *blocks;
	struct quantized_weight quantized;
	const struct low_linear *low;
	size_t n, k;
};

enum linear_mode {
	LINEAR_SET, /* out = x weightᵀ + bias */
	LINEAR_ADD  /* out += x weightᵀ + bias: a residual connection */
};

/* Rows come in tiles that belong together, as the tokens of one picture do; rows that do not (the
 * prefixes of prompts) are tiles of one row each. */
struct row_tiles {
	size_t count; /* tiles */
	size_t rows;  /* of each */
};

/* out: (tiles.count * tiles.rows, N), x: (the same, K); not the same memory.
 * A tile's result depends on that tile alone, to the last bit: not on the other tiles, their
 * number, or the threads of `pool` (may be NULL), which share the columns. */
void linear_apply(float *out, const float *x, struct row_tiles tiles, const struct linear *linear,
                  enum linear_mode mode, struct pool *pool);
/* Several layers of one shape over the same rows (LINEAR_SET), in one go: fewer waits for the last
 * thread than one after the other. */
struct linear_output {
	float *out;
	const struct linear *linear;
};
void linear_apply_all(const struct linear_output *outputs, size_t count, const float *x,
                      struct row_tiles tiles, struct pool *pool);
/* One layer with an activation behind it (LINEAR_SET). */
void linear_activate(float *out, const float *x, struct row_tiles tiles,
                     const struct linear *linear, enum activation activation, struct pool *pool);

/* Appends what computes the products, and for which processor: "libxsmm 1.17 cpx, OpenBLAS 0.3.21
 * Haswell". Results may differ in their last bits between two that differ here. */
struct buffer;
void linear_describe(struct buffer *out);

#endif
