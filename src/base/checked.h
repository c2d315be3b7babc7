/* Arithmetic on sizes that come from files: false when the result does not fit. */
#ifndef CLIPCLS_BASE_CHECKED_H
#define CLIPCLS_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>

static inline bool size_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

static inline bool size_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

/* n rounded up to a multiple of `step`; n must leave room for it. */
static inline size_t size_round_up(size_t n, size_t step)
{
	return (n + step - 1) / step * step;
}

static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
