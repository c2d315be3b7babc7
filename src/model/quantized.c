#include "model/quantized.h"

#include "base/float_bits.h"
#include "base/vector.h"

#include <float.h>
#include <math.h>

/* Of x: (n); NaN when x holds a NaN or an infinity. Without their sign, floats are in the order of
 * their bits. */
VECTOR_CLONES
static float largest_magnitude(const float *x, size_t n)
{
	uint32_t largest = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t magnitude = bits_from_float(x[i]) & 0x7fffffffu;
		largest = magnitude > largest ? magnitude : largest;
	}
	return largest < 0x7f800000u ? float_from_bits(largest) : NAN;
}

VECTOR_CLONES
static int32_t put_values(int8_t *out, const float *x, size_t n, float inverse, float limit)
{
	int32_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		float value = x[i] * inverse;
		value = value > -limit ? value : -limit; /* NaN, too */
		value = value < limit ? value : limit;
		int32_t whole = (int32_t)(value + (value < 0.0f ? -0.5f : 0.5f));
		out[i] = (int8_t)whole;
		sum += whole;
	}
	return sum;
}

void quantize_weight(int8_t *out, float *scale, int32_t *sum, const float *weight, size_t k,
                     int limit)
{
	float step = largest_magnitude(weight, k) / (float)limit;
	/* Below a normal float the inverse would be infinite: such a row is zeros. */
	float inverse = step >= 0x1p-126f ? 1.0f / step : 0.0f;
	*scale = inverse > 0.0f || step != step ? step : 0.0f;
	*sum = put_values(out, weight, k, inverse, (float)limit);
}

VECTOR_CLONES
void dequantize_weight(float *out, const int8_t *values, size_t k, float scale)
{
	for (size_t i = 0; i < k; i++)
		out[i] = scale * (float)values[i];
}

VECTOR_CLONES
int32_t quantized_sum(const int8_t *values, size_t k)
{
	int32_t sum = 0;
	for (size_t i = 0; i < k; i++)
		sum += values[i];
	return sum;
}

VECTOR_CLONES
bool quantized_values_valid(const int8_t *values, size_t n)
{
	int found = 0;
	for (size_t i = 0; i < n; i++)
		found |= values[i] == -QUANTIZED_LIMIT - 1;
	return found == 0;
}

bool quantized_scales_valid(const unsigned char *scales, size_t n)
{
	const struct quantized_weight weight = { .scales = scales };
	for (size_t i = 0; i < n; i++) {
		float scale = quantized_scale(&weight, i);
		if (!(scale >= 0 && scale * QUANTIZED_LIMIT <= FLT_MAX))
			return false;
	}
	return true;
}
