/* A float's bits as an integer, and back. */
#ifndef CLIPCLS_BASE_FLOAT_BITS_H
#define CLIPCLS_BASE_FLOAT_BITS_H

#include <stdint.h>
#include <string.h>

static inline float float_from_bits(uint32_t bits)
{
	float value;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static inline uint32_t bits_from_float(float value)
{
	uint32_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

#endif
