/* Weights in 8 bits, symmetric, with one scale per output channel: element (n, k) of (N, K) is
 * scale n times value (n, k). */
#ifndef CLIPCLS_MODEL_QUANTIZED_H
#define CLIPCLS_MODEL_QUANTIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The largest magnitude of a value in a file. */
#define QUANTIZED_LIMIT 127

/* A weight (N, K) as a file holds it. */
struct quantized_weight {
	const int8_t *values;        /* (N, K) row-major; NULL = the weight is not stored so */
	const unsigned char *scales; /* (N) float32, at any alignment */
};

static inline float quantized_scale(const struct quantized_weight *weight, size_t row)
{
	float scale;
	memcpy(&scale, weight->scales + row * sizeof scale, sizeof scale);
	return scale;
}

/* weight: (k), one output's -> out: (k), weight[i] ~ *scale * out[i], |out[i]| <= limit; *sum:
 * of out. A NaN or an infinity gets the scale NaN. */
void quantize_weight(int8_t *out, float *scale, int32_t *sum, const float *weight, size_t k,
                     int limit);

/* out: (k) = scale * values: (k). */
void dequantize_weight(float *out, const int8_t *values, size_t k, float scale);

/* Of values: (k), k at most 2^24. */
int32_t quantized_sum(const int8_t *values, size_t k);

/* Whether all n are within QUANTIZED_LIMIT. */
bool quantized_values_valid(const int8_t *values, size_t n);
/* scales: (n) float32. Whether each is a number from 0 up, and small enough for all its multiples
 * to be finite. */
bool quantized_scales_valid(const unsigned char *scales, size_t n);

#endif
