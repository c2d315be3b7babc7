/* Image.resize: which passes run in which order, and what a mode needs around them. Only the wanted
 * window is computed: the crop that follows throws the rest away. */
#include "image/transform.h"
#include "image/resample.h"

#include "base/checked.h"
#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Pillow keeps the source box in floats, which are exact up to here. */
enum { MAX_SOURCE = 1 << 24 };

static void copy_colors(struct image *out, const struct image *image)
{
	memcpy(out->palette, image->palette, sizeof out->palette);
	memcpy(out->palette_alpha, image->palette_alpha, sizeof out->palette_alpha);
	memcpy(out->transparent_color, image->transparent_color, sizeof out->transparent_color);
	out->has_transparency = image->has_transparency;
	out->has_transparent_color = image->has_transparent_color;
}

static void crop(struct image *out, const struct image *image, const struct image_window *window)
{
	const size_t size = image_mode_bytes(image->mode);
	for (size_t y = 0; y < window->height; y++)
		memcpy(out->data + y * window->width * size,
		       image->data + ((window->y + y) * image->width + window->x) * size,
		       window->width * size);
}

/* positions: (n) the source position under the middle of each of the outputs first .. first + n
 * - 1. The steps are added up one by one, rounding as the reference does. */
static void nearest_positions(size_t *positions, size_t in, size_t out, size_t first, size_t n)
{
	const double step = (double)in / (double)out;
	double at = step * 0.5;
	for (size_t i = 0; i < first; i++)
		at += step;
	for (size_t i = 0; i < n; i++, at += step)
		positions[i] = size_min((size_t)at, in - 1);
}

static clipcls_status nearest(struct image *out, const struct image *image, size_t width,
                              size_t height, const struct image_window *window,
                              clipcls_error *error)
{
	size_t *x = memory_new(window->width, sizeof *x);
	size_t *y = memory_new(window->height, sizeof *y);
	clipcls_status status = CLIPCLS_OK;
	if (x == NULL || y == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	nearest_positions(x, image->width, width, window->x, window->width);
	nearest_positions(y, image->height, height, window->y, window->height);
	for (size_t j = 0; j < window->height; j++)
		for (size_t i = 0; i < window->width; i++)
			out->data[j * window->width + i] = image->data[y[j] * image->width + x[i]];

cleanup:
	free(x);
	free(y);
	return status;
}

static clipcls_status horizontal(const struct pass *pass, size_t rows, enum image_mode mode,
                                 clipcls_error *error)
{
	if (mode != IMAGE_I16)
		return resample_horizontal(pass, rows, image_mode_bytes(mode), error);
	resample_horizontal_16(pass, rows);
	return CLIPCLS_OK;
}

static void vertical(const struct pass *pass, size_t width, enum image_mode mode)
{
	if (mode == IMAGE_I16)
		resample_vertical_16(pass, width);
	else
		resample_vertical(pass, width * image_mode_bytes(mode));
}

/* Both passes, one into `between`. taps: those of x and of y. */
static clipcls_status two_passes(struct image *out, const struct image *image, const struct taps *x,
                                 const struct taps *y, bool horizontal_first, clipcls_error *error)
{
	const size_t size = image_mode_bytes(image->mode), stride = image->width * size;
	size_t rows = taps_end(y) - taps_begin(y), columns = taps_end(x) - taps_begin(x), n;
	clipcls_status status = CLIPCLS_OK;
	if (!(horizontal_first ? size_mul(rows, x->n, &n) : size_mul(columns, y->n, &n)))
		return error_memory(error);
	uint8_t *between = memory_new(n, size);
	if (between == NULL)
		return error_memory(error);
	if (horizontal_first) {
		struct pass pass = { between, image->data + taps_begin(y) * stride, stride, 0, x };
		status = horizontal(&pass, rows, image->mode, error);
		if (status == CLIPCLS_OK) {
			pass = (struct pass){ out->data, between, x->n * size, taps_begin(y), y };
			vertical(&pass, x->n, image->mode);
		}
	} else {
		struct pass pass = { between, image->data + taps_begin(x) * size, stride, 0, y };
		vertical(&pass, columns, image->mode);
		pass = (struct pass){ out->data, between, columns * size, taps_begin(x), x };
		status = horizontal(&pass, y->n, image->mode, error);
	}
	free(between);
	return status;
}

static struct source_axis axis_x(const struct image *image)
{
	return (struct source_axis){ image->width, image->box.left, image->box.right };
}

static struct source_axis axis_y(const struct image *image)
{
	return (struct source_axis){ image->height, image->box.top, image->box.bottom };
}

static bool changes(struct source_axis in, size_t out)
{
	return in.n != out || in.begin != 0 || in.end != (double)out;
}

/* A pass whose size does not change is skipped. Vertical first where the height shrinks by more
 * than twice as many pixels as the width: the rule of Pillow 13. */
static clipcls_status resample(struct image *out, const struct image *image, size_t width,
                               size_t height, enum interpolation interpolation,
                               const struct image_window *window, clipcls_error *error)
{
	const bool wide = image->mode == IMAGE_I16;
	const size_t size = image_mode_bytes(image->mode), stride = image->width * size;
	const ptrdiff_t less_height = (ptrdiff_t)image->height - (ptrdiff_t)height;
	const ptrdiff_t less_width = (ptrdiff_t)image->width - (ptrdiff_t)width;
	const bool horizontal_first = !(less_height > 0 && less_height > 2 * less_width);
	struct taps x = { 0 }, y = { 0 };
	clipcls_status status = CLIPCLS_OK;

	if (changes(axis_x(image), width))
		status = taps_new(&x, axis_x(image), width, window->x, window->width, interpolation, wide,
		                  error);
	if (status == CLIPCLS_OK && changes(axis_y(image), height))
		status = taps_new(&y, axis_y(image), height, window->y, window->height, interpolation, wide,
		                  error);
	if (status != CLIPCLS_OK)
		goto cleanup;
	if (x.n > 0 && y.n > 0) {
		status = two_passes(out, image, &x, &y, horizontal_first, error);
	} else if (x.n > 0) {
		struct pass pass = { out->data, image->data + window->y * stride, stride, 0, &x };
		status = horizontal(&pass, window->height, image->mode, error);
	} else {
		struct pass pass = { out->data, image->data + window->x * size, stride, 0, &y };
		vertical(&pass, window->width, image->mode);
	}

cleanup:
	taps_free(&x);
	taps_free(&y);
	return status;
}

/* color * alpha / 255, rounded. */
static inline uint8_t multiply_alpha(unsigned color, unsigned alpha)
{
	unsigned product = color * alpha + 128;
	return (uint8_t)(((product >> 8) + product) >> 8);
}

/* The same picture with colours multiplied by their alpha, so that invisible ones do not bleed. */
static struct image *premultiplied(const struct image *image)
{
	const size_t channels = image_mode_bytes(image->mode);
	struct image *out = image_blank(image->mode, image->width, image->height);
	if (out == NULL)
		return NULL;
	out->box = image->box;
	const uint8_t *in = image->data;
	uint8_t *to = out->data;
	for (size_t i = 0; i < image->width * image->height; i++, in += channels, to += channels) {
		uint8_t alpha = in[channels - 1];
		for (size_t c = 0; c + 1 < channels; c++)
			to[c] = multiply_alpha(in[c], alpha);
		to[channels - 1] = alpha;
	}
	return out;
}

static void divide_alpha(struct image *image)
{
	const size_t channels = image_mode_bytes(image->mode);
	uint8_t *p = image->data;
	for (size_t i = 0; i < image->width * image->height; i++, p += channels) {
		unsigned alpha = p[channels - 1];
		if (alpha == 0 || alpha == 255)
			continue;
		for (size_t c = 0; c + 1 < channels; c++)
			p[c] = (uint8_t)size_min(255u * p[c] / alpha, 255);
	}
}

static clipcls_status resample_alpha(struct image *out, const struct image *image, size_t width,
                                     size_t height, enum interpolation interpolation,
                                     const struct image_window *window, clipcls_error *error)
{
	struct image *multiplied = premultiplied(image);
	if (multiplied == NULL)
		return error_memory(error);
	clipcls_status status = resample(out, multiplied, width, height, interpolation, window, error);
	image_free(multiplied);
	if (status == CLIPCLS_OK)
		divide_alpha(out);
	return status;
}

clipcls_status image_resize(struct image **out, const struct image *image, size_t width,
                            size_t height, enum interpolation interpolation,
                            const struct image_window *window, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	if (image->width > MAX_SOURCE || image->height > MAX_SOURCE || width > INT_MAX ||
	    height > INT_MAX)
		return error_set(error, CLIPCLS_ERR_LIMIT, "%zu x %zu pixels are too long for resizing",
		                 image->width, image->height);
	struct image *part = image_blank(image->mode, window->width, window->height);
	if (part == NULL)
		return error_memory(error);
	copy_colors(part, image);
	if (!changes(axis_x(image), width) && !changes(axis_y(image), height))
		crop(part, image, window);
	else if (image->mode == IMAGE_P || image->mode == IMAGE_1)
		status = nearest(part, image, width, height, window, error);
	else if (image->mode == IMAGE_LA || image->mode == IMAGE_RGBA)
		status = resample_alpha(part, image, width, height, interpolation, window, error);
	else
		status = resample(part, image, width, height, interpolation, window, error);
	if (status == CLIPCLS_OK)
		*out = part;
	else
		image_free(part);
	return status;
}
