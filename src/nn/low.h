/* Linear layers in low precision. int8: weights in 8 bits with one scale per output, rows in 8 bits
 * with a scale and a zero of each row's own, found anew for every row; products are summed exactly.
 * bf16: weights and rows rounded to bf16, products summed in f32. */
#ifndef CLIPCLS_NN_LOW_H
#define CLIPCLS_NN_LOW_H

#include "base/arena.h"
#include "nn/linear.h"
#include "nn/low_products.h"

/* Rows on their way into linear layers. */
struct low_rows {
	enum low_type type;
	void *values;   /* (rows, k) u8 or bf16 */
	float *scales;  /* (rows), int8 */
	int32_t *zeros; /* (rows), int8 */
};

/* Floats that hold `rows` rows of k values of any type. */
size_t low_values_floats(size_t rows, size_t k);
/* Room for rows of up to k values. */
struct low_rows low_rows_take(struct arena *arena, enum low_type type, size_t rows, size_t k);
/* Floats of arena that it takes, of any type. */
size_t low_rows_scratch(size_t rows, size_t k);
/* values = x: (rows, k). A row's values depend on that row alone. */
void low_rows_fill(const struct low_rows *rows, const float *x, size_t count, size_t k,
                   struct pool *pool);

/* The weights of several linear layers, and what multiplies with them. */
struct low_weights;

/* linears: each gets its `low`; `rows`: the two numbers of rows that tiles may have.
 * Errors: CLIPCLS_ERR_UNSUPPORTED when the library has no fast code, _MEMORY. */
clipcls_status low_weights_new(struct low_weights **out, enum low_type type,
                               struct linear *const *linears, size_t count, const size_t rows[2],
                               struct pool *pool, clipcls_error *error);
void low_weights_free(struct low_weights *weights);

/* linear_apply, linear_apply_all and linear_activate of rows that low_rows_fill has taken in. */
void low_apply(float *out, const struct low_rows *rows, struct row_tiles tiles,
               const struct linear *linear, enum linear_mode mode, struct pool *pool);
void low_apply_all(const struct linear_output *outputs, size_t count, const struct low_rows *rows,
                   struct row_tiles tiles, struct pool *pool);
void low_activate(float *out, const struct low_rows *rows, struct row_tiles tiles,
                  const struct linear *linear, enum activation activation, struct pool *pool);

#endif
