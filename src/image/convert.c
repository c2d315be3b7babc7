/* Pillow's conversions to RGB (libImaging/Convert.c, AlphaComposite.c of the pinned version, read
 * for their arithmetic). A row goes through RGBA only where transparency is composited. */
#include "image/transform.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* x / 255 rounded, exact for 0 <= x <= 255 * 255. */
static inline unsigned divide_255(unsigned x)
{
	x += 128;
	return ((x >> 8) + x) >> 8;
}

/* Only 0 to 255 of 16-bit grey are kept apart, as in Pillow. */
static inline uint8_t clip_16(const uint8_t *pixel)
{
	return pixel[1] == 0 ? pixel[0] : 255;
}

static inline void grey(uint8_t *out, uint8_t value)
{
	out[0] = out[1] = out[2] = value;
}

static inline void cmyk(uint8_t *out, const uint8_t *pixel)
{
	int white = 255 - pixel[3];
	for (int c = 0; c < 3; c++) {
		int value = white - (int)divide_255((unsigned)(pixel[c] * white));
		out[c] = (uint8_t)(value < 0 ? 0 : value);
	}
}

/* out: (n, step) red, green, blue at the start of each pixel. */
static void row_to_rgb(uint8_t *out, const uint8_t *in, size_t n, size_t step,
                       const struct image *image)
{
	const size_t size = image_mode_bytes(image->mode);
	for (size_t i = 0; i < n; i++, out += step, in += size)
		switch (image->mode) {
		case IMAGE_1: grey(out, in[0] != 0 ? 255 : 0); break;
		case IMAGE_L:
		case IMAGE_LA: grey(out, in[0]); break;
		case IMAGE_I16: grey(out, clip_16(in)); break;
		case IMAGE_P: memcpy(out, image->palette[in[0]], 3); break;
		case IMAGE_RGB:
		case IMAGE_RGBA: memcpy(out, in, 3); break;
		case IMAGE_CMYK: cmyk(out, in); break;
		}
}

/* Sets the fourth byte of each pixel of `rgba`, whose colours row_to_rgb has written.
 * A transparent colour is compared after the conversion to 8 bits, by its low byte, as in
 * Pillow. */
static void row_alpha(uint8_t *rgba, const uint8_t *in, size_t n, const struct image *image)
{
	const uint16_t *key = image->transparent_color;
	for (size_t i = 0; i < n; i++, rgba += 4) {
		rgba[3] = 255;
		if (image->mode == IMAGE_LA)
			rgba[3] = in[2 * i + 1];
		else if (image->mode == IMAGE_RGBA)
			rgba[3] = in[4 * i + 3];
		else if (image->mode == IMAGE_P)
			rgba[3] = image->palette_alpha[in[i]];
		else if (image->has_transparent_color && rgba[0] == (key[0] & 0xff) &&
		         rgba[1] == (key[1] & 0xff) && rgba[2] == (key[2] & 0xff))
			rgba[3] = 0;
	}
}

void image_row_rgba(uint8_t *rgba, const struct image *image, size_t y)
{
	const uint8_t *in = image->data + y * image->width * image_mode_bytes(image->mode);
	row_to_rgb(rgba, in, image->width, 4, image);
	row_alpha(rgba, in, image->width, image);
}

/* Image.alpha_composite on an opaque background: 7 bits more than the result needs, rounded. */
static void row_composite(uint8_t *rgb, const uint8_t *rgba, size_t n, const uint8_t *background)
{
	for (size_t i = 0; i < n; i++, rgb += 3, rgba += 4) {
		unsigned front = rgba[3] * 128u, back = 255u * 128u - front;
		for (int c = 0; c < 3; c++) {
			unsigned sum = rgba[c] * front + background[c] * back + (128u << 7);
			rgb[c] = (uint8_t)((((sum >> 8) + sum) >> 8) >> 7);
		}
	}
}

/* The transparent colour as Pillow notes it for the converted picture. Of modes 1 and I;16 it keeps
 * the one number, which then reads as (number, 0, 0). */
static void keep_transparent_color(struct image *rgb, const struct image *image)
{
	rgb->has_transparency = rgb->has_transparent_color = image->has_transparent_color;
	memcpy(rgb->transparent_color, image->transparent_color, sizeof rgb->transparent_color);
	if (image->mode == IMAGE_1 || image->mode == IMAGE_I16)
		rgb->transparent_color[1] = rgb->transparent_color[2] = 0;
	else if (image->mode == IMAGE_L && image->transparent_color[0] > 255)
		for (int c = 0; c < 3; c++)
			rgb->transparent_color[c] = 255;
}

void image_whiten_transparent(struct image *image)
{
	const uint16_t *key = image->transparent_color;
	uint8_t *p = image->data, *end = p + image->width * image->height * 3;
	if (!image->has_transparent_color)
		return;
	for (; p < end; p += 3)
		if (p[0] == (key[0] & 0xff) && p[1] == (key[1] & 0xff) && p[2] == (key[2] & 0xff))
			p[0] = p[1] = p[2] = 255;
}

clipcls_status image_to_rgb(struct image *image, const uint8_t *background, clipcls_error *error)
{
	const size_t width = image->width, size = image_mode_bytes(image->mode);
	const bool composite = background != NULL && image->has_transparency;
	clipcls_status status = CLIPCLS_OK;
	struct image *rgb = NULL;
	uint8_t *rgba = NULL;

	if (image->mode == IMAGE_RGB && !composite)
		return CLIPCLS_OK;
	rgb = image_blank(IMAGE_RGB, width, image->height);
	rgba = composite ? memory_new(width, 4) : NULL;
	if (rgb == NULL || (composite && rgba == NULL)) {
		status = error_memory(error);
		goto cleanup;
	}
	for (size_t y = 0; y < image->height; y++) {
		const uint8_t *in = image->data + y * width * size;
		uint8_t *out = rgb->data + y * width * 3;
		if (composite) {
			image_row_rgba(rgba, image, y);
			row_composite(out, rgba, width, background);
		} else {
			row_to_rgb(out, in, width, 3, image);
		}
	}
	rgb->orientation = image->orientation;
	rgb->full_width = image->full_width;
	rgb->full_height = image->full_height;
	rgb->box = image->box;
	if (!composite)
		keep_transparent_color(rgb, image);
	struct image old = *image;
	*image = *rgb;
	*rgb = old;

cleanup:
	image_free(rgb);
	free(rgba);
	return status;
}
