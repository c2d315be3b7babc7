#include "nn/dot_rows.h"

#include "base/checked.h"
#include "base/vector.h"

#include <string.h>

/* The kernel's vectors never cross a call: everything that takes or gives one is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINED static inline __attribute__((always_inline))

/* Rows that are taken through all columns together, so that they stay in the cache. */
#define PANEL_ROWS 64
/* Largest tile: its sums stay in registers from the first k to the last. */
#define MOST 4

#define DOT_LANES 16
#define DOT_NAME(name) name##_16
#include "nn/dot_rows_kernel.h"

#define DOT_LANES 8
#define DOT_NAME(name) name##_8
#include "nn/dot_rows_kernel.h"

/* Tiles as large as the registers: 32 of 16 floats, 16 of 8, or unknown. */
#if defined(VECTOR_X86)
__attribute__((target("avx512f"))) static void multiply_avx512(const struct blas_product *p)
{
	multiply_16(p, 4, 4);
}

__attribute__((target("avx2,fma"))) static void multiply_avx2(const struct blas_product *p)
{
	multiply_8(p, 3, 3);
}
#endif

static void multiply_plain(const struct blas_product *p)
{
	multiply_8(p, 2, 2);
}

dot_rows_fn dot_rows_version(size_t index)
{
	dot_rows_fn versions[3] = { NULL };
	size_t n = 0;
#if defined(VECTOR_X86)
	if (__builtin_cpu_supports("avx512f"))
		versions[n++] = multiply_avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		versions[n++] = multiply_avx2;
#endif
	versions[n++] = multiply_plain;
	return index < n ? versions[index] : NULL;
}

void dot_rows_multiply_transposed(const struct blas_product *product)
{
	dot_rows_version(0)(product);
}
