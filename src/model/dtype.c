#include "model/dtype.h"

#include "base/float_bits.h"
#include "base/vector.h"

#include <stdint.h>
#include <string.h>

static const struct {
	const char *name;
	size_t bytes;
} dtypes[] = {
	[DTYPE_F32] = { "F32", 4 },         [DTYPE_F16] = { "F16", 2 },
	[DTYPE_BF16] = { "BF16", 2 },       [DTYPE_U8] = { "U8", 1 },
	[DTYPE_I8] = { "I8", 1 },           [DTYPE_BOOL] = { "BOOL", 1 },
	[DTYPE_F8_E4M3] = { "F8_E4M3", 1 }, [DTYPE_F8_E5M2] = { "F8_E5M2", 1 },
	[DTYPE_I16] = { "I16", 2 },         [DTYPE_U16] = { "U16", 2 },
	[DTYPE_I32] = { "I32", 4 },         [DTYPE_U32] = { "U32", 4 },
	[DTYPE_I64] = { "I64", 8 },         [DTYPE_U64] = { "U64", 8 },
	[DTYPE_F64] = { "F64", 8 },
};

const char *dtype_name(enum dtype dtype)
{
	return dtypes[dtype].name;
}

bool dtype_from_name(enum dtype *out, const char *name)
{
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
		if (strcmp(dtypes[i].name, name) == 0) {
			*out = (enum dtype)i;
			return true;
		}
	}
	return false;
}

size_t dtype_bytes(enum dtype dtype)
{
	return dtypes[dtype].bytes;
}

bool dtype_is_weight(enum dtype dtype)
{
	return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

static inline uint32_t load16(const unsigned char *in, size_t i)
{
	uint16_t value;
	memcpy(&value, in + 2 * i, sizeof value);
	return value;
}

static inline uint32_t load32(const unsigned char *in, size_t i)
{
	uint32_t value;
	memcpy(&value, in + 4 * i, sizeof value);
	return value;
}

VECTOR_CLONES static void f16_to_f32(float *out, const unsigned char *in, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t half = load16(in, i);
		uint32_t sign = (half & 0x8000) << 16;
		uint32_t magnitude = (half & 0x7fff) << 13;
		/* Exponent bias 15 -> 127; infinity and NaN keep an exponent of all ones. */
		uint32_t normal = magnitude + ((127 - 15) << 23);
		uint32_t special = magnitude + ((255 - 31) << 23);
		/* A subnormal is m * 2^-24: 2^-14 * (1 + m / 2^10) - 2^-14 is exact in float32. */
		uint32_t subnormal = bits_from_float(float_from_bits(magnitude + ((127 - 14) << 23)) -
		                                     float_from_bits((127 - 14) << 23));
		uint32_t bits = magnitude < (1u << 23) ? subnormal : normal;
		bits = magnitude >= (31u << 23) ? special : bits;
		out[i] = float_from_bits(bits | sign);
	}
}

VECTOR_CLONES static void bf16_to_f32(float *out, const unsigned char *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = float_from_bits(load16(in, i) << 16);
}

void dtype_to_f32(float *out, const void *in, enum dtype dtype, size_t n)
{
	if (dtype == DTYPE_F16)
		f16_to_f32(out, in, n);
	else if (dtype == DTYPE_BF16)
		bf16_to_f32(out, in, n);
	else if (n > 0)
		memcpy(out, in, n * sizeof *out);
}

static uint16_t f16_from_f32(float value)
{
	uint32_t bits = bits_from_float(value);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
	uint32_t magnitude = bits & 0x7fffffff;
	if (magnitude > 0x7f800000) /* NaN: quiet, with the upper bits of its payload */
		return sign | 0x7e00 | (uint16_t)(magnitude >> 13 & 0x3ff);
	if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
		return sign | 0x7c00;
	if (magnitude < ((127u - 14) << 23)) {
		/* Adding 0.5 leaves m of m * 2^-24 in the low bits, rounded by the addition itself. */
		float shifted = float_from_bits(magnitude) + 0.5f;
		return sign | (uint16_t)(bits_from_float(shifted) - bits_from_float(0.5f));
	}
	uint32_t odd = magnitude >> 13 & 1;
	uint32_t rounded = magnitude - ((127u - 15) << 23) + 0xfff + odd;
	return sign | (uint16_t)(rounded >> 13);
}

static uint16_t bf16_from_f32(float value)
{
	uint32_t bits = bits_from_float(value);
	if ((bits & 0x7fffffff) > 0x7f800000)
		return (uint16_t)(bits >> 16 | 0x40); /* a NaN must not round to infinity */
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void dtype_from_f32(void *out, enum dtype dtype, const float *in, size_t n)
{
	if (dtype == DTYPE_F32) {
		if (n > 0)
			memcpy(out, in, n * sizeof *in);
		return;
	}
	unsigned char *bytes = out;
	for (size_t i = 0; i < n; i++) {
		uint16_t value = dtype == DTYPE_F16 ? f16_from_f32(in[i]) : bf16_from_f32(in[i]);
		memcpy(bytes + 2 * i, &value, sizeof value);
	}
}

/* Whether some element has all bits of its exponent set. */
VECTOR_CLONES static bool any_special16(const unsigned char *in, uint32_t exponent, size_t n)
{
	uint32_t found = 0;
	for (size_t i = 0; i < n; i++)
		found |= (load16(in, i) & exponent) == exponent;
	return found != 0;
}

VECTOR_CLONES static bool any_special32(const unsigned char *in, uint32_t exponent, size_t n)
{
	uint32_t found = 0;
	for (size_t i = 0; i < n; i++)
		found |= (load32(in, i) & exponent) == exponent;
	return found != 0;
}

bool dtype_all_finite(const void *in, enum dtype dtype, size_t n)
{
	if (dtype == DTYPE_F16)
		return !any_special16(in, 0x7c00, n);
	if (dtype == DTYPE_BF16)
		return !any_special16(in, 0x7f80, n);
	return !any_special32(in, 0x7f800000, n);
}
