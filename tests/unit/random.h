/* Random numbers for tests: the same on every machine. */
#ifndef CLIPCLS_TESTS_RANDOM_H
#define CLIPCLS_TESTS_RANDOM_H

#include "base/memory.h"

#include <stdint.h>

/* Uniform in [-1, 1). */
static inline float random_float(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

/* n of them; freed with free(). */
static inline float *random_floats(size_t n, uint32_t seed)
{
	float *x = memory_floats(n);
	for (size_t i = 0; i < n; i++)
		x[i] = random_float(&seed);
	return x;
}

#endif
