/* Pillow's separable resampling (libImaging/Resample.c): for each output position a few weighted
 * source positions, first along one axis, then along the other. */
#ifndef CLIPCLS_IMAGE_RESAMPLE_H
#define CLIPCLS_IMAGE_RESAMPLE_H

#include "base/error.h"
#include "model/config.h"

/* The source positions of n consecutive output positions along one axis, and their weights.
 * 8-bit pictures use whole numbers with 22 fractional bits, kept as high * 256 + low so that sums
 * of 16-bit products do the work; 16-bit pictures use doubles. */
struct taps {
	size_t n, length;      /* length: weights kept for each output, the unused ones 0 */
	size_t *first, *count; /* (n) first source position and how many */
	int16_t *high, *low;   /* (n, length) */
	double *weights;       /* (n, length) */
};

/* The source positions, and the part of them that is resized; Pillow's box. */
struct source_axis {
	size_t n;
	double begin, end;
};

/* Taps of the outputs first .. first + n - 1 where the source becomes `out` positions.
 * Errors: CLIPCLS_ERR_MEMORY; the caller calls taps_free in any case. */
clipcls_status taps_new(struct taps *taps, struct source_axis in, size_t out, size_t first,
                        size_t n, enum interpolation interpolation, bool wide,
                        clipcls_error *error);
void taps_free(struct taps *taps);
/* The source positions that any of them reads: from taps_begin up to, not including, taps_end. */
size_t taps_begin(const struct taps *taps);
size_t taps_end(const struct taps *taps);

/* One pass over interleaved pixels. `in` points to source position `base`. */
struct pass {
	uint8_t *out;
	const uint8_t *in;
	size_t in_stride; /* bytes from row to row; the output has no padding */
	size_t base;
	const struct taps *taps;
};

/* Along rows: (rows, taps n, channels) from (rows, positions, channels), 8 bits.
 * Errors: CLIPCLS_ERR_MEMORY. */
clipcls_status resample_horizontal(const struct pass *pass, size_t rows, size_t channels,
                                   clipcls_error *error);
/* Along columns: (taps n, row_bytes) from (positions, row_bytes), 8 bits. */
void resample_vertical(const struct pass *pass, size_t row_bytes);
/* The same for one channel of 16 bits, little endian; `width` in pixels. */
void resample_horizontal_16(const struct pass *pass, size_t rows);
void resample_vertical_16(const struct pass *pass, size_t width);

#endif
