#include "nn/quantize.h"

#include "nn/math_inline.h"
#include "base/vector.h"

#include <math.h>

/* Independent chains of comparisons: two registers of AVX-512, four of AVX2. */
#define LANES 32

/* Smallest and largest of x and 0; both NaN when x holds a NaN or an infinity. */
VECTOR_CLONES
static void find_range(float *low, float *high, const float *x, size_t n)
{
	float least[LANES] = { 0 }, most[LANES] = { 0 }, probe[LANES] = { 0 };
	size_t whole = n - n % LANES;
	for (size_t i = 0; i < whole; i += LANES) {
		for (size_t l = 0; l < LANES; l++) {
			float value = x[i + l];
			least[l] = value < least[l] ? value : least[l];
			most[l] = value > most[l] ? value : most[l];
			probe[l] += value * 0.0f; /* NaN once it has met a value that is not finite */
		}
	}
	for (size_t i = whole; i < n; i++) {
		least[0] = x[i] < least[0] ? x[i] : least[0];
		most[0] = x[i] > most[0] ? x[i] : most[0];
		probe[0] += x[i] * 0.0f;
	}
	*low = least[0];
	*high = most[0];
	for (size_t l = 1; l < LANES; l++) {
		*low = least[l] < *low ? least[l] : *low;
		*high = most[l] > *high ? most[l] : *high;
		probe[0] += probe[l];
	}
	*low += probe[0];
	*high += probe[0];
}

/* out = x * inverse + shift, rounded half up and held within [0, 255]. The comparison also catches
 * NaN, which has no place among whole numbers. */
VECTOR_CLONES
static void put_bytes(uint8_t *out, const float *x, size_t n, float inverse, float shift)
{
	for (size_t i = 0; i < n; i++) {
		float value = x[i] * inverse + (shift + 0.5f);
		value = value > 0.0f ? value : 0.0f;
		value = value < 255.0f ? value : 255.0f;
		out[i] = (uint8_t)(int32_t)value;
	}
}

void quantize_row(uint8_t *out, float *scale, int32_t *zero, const float *x, size_t k)
{
	float low, high;
	find_range(&low, &high, x, k);
	float step = (high - low) / 255.0f;
	/* Below a normal float the inverse would be infinite: such a row is zeros. */
	float inverse = step >= 0x1p-126f ? 1.0f / step : 0.0f;
	*scale = inverse > 0.0f || step != step ? step : 0.0f;
	*zero = inverse > 0.0f ? (int32_t)(-low * inverse + 0.5f) : 0;
	put_bytes(out, x, k, inverse, (float)*zero);
}

VECTOR_CLONES
void round_to_bf16(uint16_t *out, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits = bits_from_float(x[i]);
		uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
		/* Rounding up could carry a NaN into the sign: keep it one. */
		out[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
	}
}

/* The integers are exact; what follows is three roundings. */
VECTOR_CLONES
void dequantize_row(float *restrict out, const int32_t *restrict products, size_t n, float scale,
                    int32_t zero, const struct dequantizer *dequantizer, int accumulate)
{
	const float *restrict scales = dequantizer->scales, *restrict bias = dequantizer->bias;
	const int32_t *restrict sums = dequantizer->sums;
	if (!accumulate && bias != NULL) {
		for (size_t i = 0; i < n; i++)
			out[i] = bias[i] + (float)(products[i] - zero * sums[i]) * (scale * scales[i]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (accumulate ? out[i] : 0.0f) + (bias != NULL ? bias[i] : 0.0f);
	for (size_t i = 0; i < n; i++)
		out[i] += (float)(products[i] - zero * sums[i]) * (scale * scales[i]);
}
