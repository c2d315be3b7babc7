#include "nn/transpose.h"

#include "base/checked.h"
#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Vectors never cross a call: everything that takes or gives one is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINED static inline __attribute__((always_inline))

/* A tile is SIDE x SIDE, a vector a row of it. */
#define SIDE 8
/* Rows that are fetched ahead of their turn, a cache line at a time: their stretches are too many
 * and too short for the processor to see where they lead. */
#define AHEAD SIDE
#define LINE_FLOATS 16

typedef float lanes __attribute__((vector_size(SIDE * sizeof(float))));
typedef int32_t places __attribute__((vector_size(SIDE * sizeof(int32_t))));

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (places){ __VA_ARGS__ })
#endif

/* Three rounds: pairs of single elements change places, then pairs of two, then of four. */
INLINED void transpose_tile(float *out, size_t out_stride, const float *in, size_t in_stride)
{
	lanes a[SIDE], b[SIDE];
	for (size_t i = 0; i < SIDE; i++)
		memcpy(&a[i], in + i * in_stride, sizeof a[i]);
	for (size_t i = 0; i < SIDE; i += 2) {
		b[i] = SHUFFLE(a[i], a[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
		b[i + 1] = SHUFFLE(a[i], a[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
	}
	for (size_t i = 0; i < SIDE; i += i % 4 == 1 ? 3 : 1) {
		a[i] = SHUFFLE(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
		a[i + 2] = SHUFFLE(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
	}
	for (size_t i = 0; i < SIDE / 2; i++) {
		b[i] = SHUFFLE(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		b[i + 4] = SHUFFLE(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
	}
	for (size_t i = 0; i < SIDE; i++)
		memcpy(out + i * out_stride, &b[i], sizeof b[i]);
}

INLINED void transpose_edge(float *out, size_t out_stride, const float *in, size_t in_stride,
                            size_t rows, size_t columns)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < columns; j++)
			out[j * out_stride + i] = in[i * in_stride + j];
}

/* Along the rows, SIDE of them at a time: the memory that is read in long stretches is usually the
 * one that is not in a cache. */
VECTOR_CLONES
void transpose(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
               size_t columns)
{
	size_t whole = columns - columns % SIDE;
	for (size_t i = 0; i < rows; i += SIDE) {
		size_t height = size_min(SIDE, rows - i);
		const float *from = in + i * in_stride;
		float *to = out + i;
		if (height < SIDE) {
			transpose_edge(to, out_stride, from, in_stride, height, columns);
			continue;
		}
		bool fetches = i + AHEAD + SIDE <= rows;
		for (size_t j = 0; j < whole; j += SIDE) {
			for (size_t row = AHEAD; fetches && j % LINE_FLOATS == 0 && row < AHEAD + SIDE; row++)
				__builtin_prefetch(from + row * in_stride + j, 0, 0);
			transpose_tile(to + j * out_stride, out_stride, from + j, in_stride);
		}
		transpose_edge(to + whole * out_stride, out_stride, from + whole, in_stride, SIDE,
		               columns - whole);
	}
}
