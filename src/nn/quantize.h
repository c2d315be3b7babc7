/* Rows in few bits, and products of them with weights (model/quantized.h) back in floats. */
#ifndef CLIPCLS_NN_QUANTIZE_H
#define CLIPCLS_NN_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

/* x: (k) -> out: (k) u8, x[i] ~ *scale * (out[i] - *zero), wrong by at most a scale:
 * half a step for the value and half for the zero, which is a whole step, too. There are 255 steps
 * from the smallest value, or 0, to the largest, or 0. A row with a NaN or an
 * infinity gets the scale NaN. */
void quantize_row(uint8_t *out, float *scale, int32_t *zero, const float *x, size_t k);

/* out: (n) bf16 = x: (n), to the nearest, ties to even. */
void round_to_bf16(uint16_t *out, const float *x, size_t n);

/* What turns n columns of products into floats. bias: (n) or NULL. */
struct dequantizer {
	const float *scales; /* (n) of the weights */
	const int32_t *sums; /* (n) of the weights */
	const float *bias;
};

/* out: (n) = or += products: (n) of a row with `scale` and `zero`, plus bias. */
void dequantize_row(float *restrict out, const int32_t *restrict products, size_t n, float scale,
                    int32_t zero, const struct dequantizer *dequantizer, int accumulate);

#endif
