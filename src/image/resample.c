/* The inner loops are the hot path of large photos: whole numbers, no branches, contiguous, left to
 * the compiler to vectorise. Weights are computed once per axis in the order of operations of the
 * reference; this file must not be compiled with contraction to fused multiply-adds. */
#include "image/resample.h"

#include "base/checked.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ThreadSanitizer's run time is not up yet when the clones are chosen. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__) && \
    !defined(CLIPCLS_NO_CLONES)
#define VECTORIZED __attribute__((target_clones("avx2", "default")))
#else
#define VECTORIZED
#endif

/* 8 bits of the result and 2 of head room for negative weights are left of 32. */
enum { FRACTION_BITS = 32 - 8 - 2, LOW_BITS = 8 };
enum { TAPS_STEP = 16 }; /* the dot product's length is a multiple of it */

static double bilinear(double x)
{
	x = fabs(x);
	return x < 1.0 ? 1.0 - x : 0.0;
}

/* Keys 1981, a = -0.5. */
static double bicubic(double x)
{
	const double a = -0.5;
	x = fabs(x);
	if (x < 1.0)
		return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
	if (x < 2.0)
		return (((x - 5) * x + 8) * x - 4) * a;
	return 0.0;
}

/* Weights of output position x, summing to 1. weights: room for the support. */
static void weigh(double *weights, size_t *first, size_t *count, size_t x, struct source_axis in,
                  double scale, enum interpolation interpolation)
{
	const double filter_scale = scale < 1.0 ? 1.0 : scale;
	const double support = (interpolation == INTERPOLATION_BICUBIC ? 2.0 : 1.0) * filter_scale;
	const double inverse = 1.0 / filter_scale;
	const double centre = in.begin + ((double)x + 0.5) * scale;
	double sum = 0.0;
	double low = centre - support + 0.5, high = centre + support + 0.5;
	size_t begin = low < 0.0 ? 0 : (size_t)low;
	size_t end = high > (double)in.n ? in.n : (size_t)high;
	for (size_t i = begin; i < end; i++) {
		double distance = ((double)i - centre + 0.5) * inverse;
		double w = interpolation == INTERPOLATION_BICUBIC ? bicubic(distance) : bilinear(distance);
		weights[i - begin] = w;
		sum += w;
	}
	for (size_t i = begin; sum != 0.0 && i < end; i++)
		weights[i - begin] /= sum;
	*first = begin;
	*count = end - begin;
}

static void to_fixed(int16_t *high, int16_t *low, const double *weights, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double scaled = weights[i] * (1 << FRACTION_BITS);
		int fixed = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
		high[i] = (int16_t)(fixed >> LOW_BITS);
		low[i] = (int16_t)(fixed & ((1 << LOW_BITS) - 1));
	}
}

clipcls_status taps_new(struct taps *taps, struct source_axis in, size_t out, size_t first,
                        size_t n, enum interpolation interpolation, bool wide, clipcls_error *error)
{
	const double scale = (in.end - in.begin) / (double)out;
	const double support = (interpolation == INTERPOLATION_BICUBIC ? 2.0 : 1.0) * fmax(scale, 1.0);
	size_t length = size_round_up((size_t)ceil(support) * 2 + 1, TAPS_STEP), total;
	double *row = NULL;
	clipcls_status status = CLIPCLS_OK;

	*taps = (struct taps){ .n = n, .length = length };
	if (!size_mul(n, length, &total))
		return error_memory(error);
	taps->first = memory_new(n, sizeof *taps->first);
	taps->count = memory_new(n, sizeof *taps->count);
	if (wide) {
		taps->weights = memory_new(total, sizeof *taps->weights);
	} else {
		taps->high = memory_new(total, sizeof *taps->high);
		taps->low = memory_new(total, sizeof *taps->low);
		row = memory_new(length, sizeof *row);
	}
	if (taps->first == NULL || taps->count == NULL ||
	    (wide ? taps->weights == NULL : taps->high == NULL || taps->low == NULL || row == NULL)) {
		status = error_memory(error);
		goto cleanup;
	}
	for (size_t i = 0; i < n; i++) {
		double *weights = wide ? taps->weights + i * length : row;
		weigh(weights, &taps->first[i], &taps->count[i], first + i, in, scale, interpolation);
		if (!wide)
			to_fixed(taps->high + i * length, taps->low + i * length, row, taps->count[i]);
	}

cleanup:
	free(row);
	return status;
}

void taps_free(struct taps *taps)
{
	free(taps->first);
	free(taps->count);
	free(taps->high);
	free(taps->low);
	free(taps->weights);
}

size_t taps_begin(const struct taps *taps)
{
	return taps->first[0];
}

size_t taps_end(const struct taps *taps)
{
	return taps->first[taps->n - 1] + taps->count[taps->n - 1];
}

static inline uint8_t clip_8(int32_t sum)
{
	sum >>= FRACTION_BITS;
	return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* planes: (channels, plane_size) of the n pixels. `channels` is a constant at every call. */
static inline void split(int16_t *restrict planes, const uint8_t *restrict pixels, size_t n,
                         size_t plane_size, size_t channels)
{
	for (size_t c = 0; c < channels; c++) {
		int16_t *restrict plane = planes + c * plane_size;
		for (size_t i = 0; i < n; i++)
			plane[i] = pixels[i * channels + c];
	}
}

VECTORIZED static void split_channels(int16_t *planes, const uint8_t *pixels, size_t n,
                                      size_t plane_size, size_t channels)
{
	switch (channels) {
	case 1: split(planes, pixels, n, plane_size, 1); break;
	case 2: split(planes, pixels, n, plane_size, 2); break;
	case 3: split(planes, pixels, n, plane_size, 3); break;
	case 4: split(planes, pixels, n, plane_size, 4); break;
	}
}

/* Both sums may wrap around; the whole, which fits, is right modulo 2^32. */
static inline int32_t dot(const int16_t *restrict samples, const int16_t *restrict high,
                          const int16_t *restrict low, size_t n)
{
	uint32_t sum_high = 0, sum_low = 0;
	for (size_t i = 0; i < n; i++) {
		sum_high += (uint32_t)(samples[i] * high[i]);
		sum_low += (uint32_t)(samples[i] * low[i]);
	}
	return (int32_t)((sum_high << LOW_BITS) + sum_low + (1u << (FRACTION_BITS - 1)));
}

VECTORIZED static void horizontal_row(uint8_t *out, const int16_t *planes, size_t plane_size,
                                      size_t base, size_t channels, const struct taps *taps)
{
	/* Every output takes the same number of products; the surplus ones meet zero weights. */
	const size_t length = taps->length / TAPS_STEP * TAPS_STEP;
	for (size_t c = 0; c < channels; c++)
		for (size_t x = 0; x < taps->n; x++)
			out[x * channels + c] =
			    clip_8(dot(planes + c * plane_size + taps->first[x] - base,
			               taps->high + x * taps->length, taps->low + x * taps->length, length));
}

clipcls_status resample_horizontal(const struct pass *pass, size_t rows, size_t channels,
                                   clipcls_error *error)
{
	const struct taps *taps = pass->taps;
	const size_t begin = taps_begin(taps), n = taps_end(taps) - begin;
	const size_t plane_size = n + taps->length;
	int16_t *planes = memory_new(plane_size * channels, sizeof *planes);
	if (planes == NULL)
		return error_memory(error);
	for (size_t y = 0; y < rows; y++) {
		const uint8_t *in = pass->in + y * pass->in_stride + (begin - pass->base) * channels;
		split_channels(planes, in, n, plane_size, channels);
		horizontal_row(pass->out + y * taps->n * channels, planes, plane_size, begin, channels,
		               taps);
	}
	free(planes);
	return CLIPCLS_OK;
}

enum { BLOCK = 512 }; /* bytes of a row whose sums are kept in the cache */

VECTORIZED static void vertical_block(uint8_t *restrict out, const uint8_t *restrict in,
                                      size_t in_stride, size_t n, const int16_t *high,
                                      const int16_t *low, size_t count)
{
	uint32_t sums[BLOCK];
	for (size_t x = 0; x < n; x++)
		sums[x] = 1u << (FRACTION_BITS - 1);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *restrict row = in + i * in_stride;
		const uint32_t weight = (uint32_t)(high[i] * (1 << LOW_BITS) + low[i]);
		for (size_t x = 0; x < n; x++)
			sums[x] += row[x] * weight;
	}
	for (size_t x = 0; x < n; x++)
		out[x] = clip_8((int32_t)sums[x]);
}

void resample_vertical(const struct pass *pass, size_t row_bytes)
{
	const struct taps *taps = pass->taps;
	for (size_t y = 0; y < taps->n; y++) {
		const uint8_t *in = pass->in + (taps->first[y] - pass->base) * pass->in_stride;
		for (size_t x = 0; x < row_bytes; x += BLOCK)
			vertical_block(pass->out + y * row_bytes + x, in + x, pass->in_stride,
			               size_min(BLOCK, row_bytes - x), taps->high + y * taps->length,
			               taps->low + y * taps->length, taps->count[y]);
	}
}

static inline double sample_16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

static void put_16(uint8_t *out, double sum)
{
	int value = (int)(sum >= 0.0 ? sum + 0.5 : sum - 0.5);
	value = value < 0 ? 0 : value > 65535 ? 65535 : value;
	out[0] = (uint8_t)value;
	out[1] = (uint8_t)(value >> 8);
}

void resample_horizontal_16(const struct pass *pass, size_t rows)
{
	const struct taps *taps = pass->taps;
	for (size_t y = 0; y < rows; y++)
		for (size_t x = 0; x < taps->n; x++) {
			const uint8_t *in = pass->in + y * pass->in_stride + 2 * (taps->first[x] - pass->base);
			double sum = 0.0;
			for (size_t i = 0; i < taps->count[x]; i++)
				sum += sample_16(in + 2 * i) * taps->weights[x * taps->length + i];
			put_16(pass->out + 2 * (y * taps->n + x), sum);
		}
}

void resample_vertical_16(const struct pass *pass, size_t width)
{
	const struct taps *taps = pass->taps;
	for (size_t y = 0; y < taps->n; y++)
		for (size_t x = 0; x < width; x++) {
			const uint8_t *in = pass->in + (taps->first[y] - pass->base) * pass->in_stride + 2 * x;
			double sum = 0.0;
			for (size_t i = 0; i < taps->count[y]; i++)
				sum += sample_16(in + i * pass->in_stride) * taps->weights[y * taps->length + i];
			put_16(pass->out + 2 * (y * width + x), sum);
		}
}
