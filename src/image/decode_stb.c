/* JPEG and PNG with stb_image, for builds without the libraries. PNG pixels are exact, but a
 * palette is resolved to RGB; JPEG differs by a few levels (tests/parity/test_pixels.py measures
 * it). stb_image zero-fills where a JPEG ends early, so its end marker is asked for first. */
#include "image/png.h"
#include "image/metadata.h"

#include "base/buffer.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A deflate stream can claim anything: no single block of stb_image's is larger than what the
 * largest picture of the default limit takes with 16 bits a channel. */
#define MAX_BLOCK ((size_t)178956970 * 8)

static void *bounded_realloc(void *old, size_t n)
{
	return n <= MAX_BLOCK ? realloc(old, n) : NULL;
}

/* Zeroed: stb_image 2.27 reads Huffman tables that a file names and does not define. */
static void *bounded_calloc(size_t n)
{
	return n <= MAX_BLOCK ? calloc(1, n) : NULL;
}

/* A damaged file must not end the program. */
#define STBI_ASSERT(condition) ((void)0)
#define STBI_MALLOC(n) bounded_calloc(n)
#define STBI_REALLOC(p, n) bounded_realloc(p, n)
#define STBI_FREE(p) free(p)
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_FAILURE_STRINGS
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
/* Reported at the end of the file, so not restored below. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb_image.h>
#pragma GCC diagnostic pop

static clipcls_status damaged(const struct image_source *source, const char *format)
{
	return image_damaged(source, format, "its data cannot be decoded");
}

/* Decodes to `channels` of 8 bits, or of 16 (host order), straight into the picture's rows. */
static clipcls_status fill(struct image *image, int channels, bool wide,
                           const struct image_source *source, const char *format)
{
	int width, height, in_file;
	const int size = (int)source->size;
	void *pixels = wide ? (void *)stbi_load_16_from_memory(source->bytes, size, &width, &height,
	                                                       &in_file, channels)
	                    : (void *)stbi_load_from_memory(source->bytes, size, &width, &height,
	                                                    &in_file, channels);
	if (pixels == NULL)
		return damaged(source, format);
	bool same = (size_t)width == image->width && (size_t)height == image->height;
	if (same)
		memcpy(image->data, pixels, image->width * image->height * image_mode_bytes(image->mode));
	stbi_image_free(pixels);
	return same ? CLIPCLS_OK : damaged(source, format);
}

/* Whether each Huffman table of the segment at `at` (0xff 0xc4, length) has at most the 256 codes
 * there can be. stb_image 2.27 writes beyond its table otherwise, even when the segment is too
 * short for the table: it then reads on behind it, and zeros behind the file. */
static bool codes_fit(const struct image_source *source, size_t at)
{
	const uint8_t *bytes = source->bytes;
	size_t end = at + 2 + read_u16_big(bytes + at + 2);
	for (at += 4; at < end;) {
		size_t codes = 0;
		for (size_t i = at + 1; i <= at + 16 && i < source->size; i++)
			codes += bytes[i];
		if (codes > 255)
			return false;
		at += 17 + codes;
	}
	return true;
}

/* Where the first scan starts; the size where there is none. *fits: of the tables before it. */
static size_t find_scan(const struct image_source *source, bool *fits)
{
	enum { SCAN = 0xda, HUFFMAN = 0xc4 };
	const uint8_t *bytes = source->bytes;
	size_t at = 2;
	*fits = true;
	while (at + 4 <= source->size && (bytes[at] != 0xff || bytes[at + 1] != SCAN)) {
		if (bytes[at] != 0xff || bytes[at + 1] == 0xff || bytes[at + 1] == 0) {
			at++;
			continue;
		}
		if (bytes[at + 1] == HUFFMAN)
			*fits = *fits && codes_fit(source, at);
		at += 2 + (size_t)read_u16_big(bytes + at + 2);
	}
	return at + 4 <= source->size ? at : source->size;
}

/* NULL, or why stb_image must not see the file. Segments before the first scan may hold a
 * thumbnail with markers of its own; behind it 0xff is always a marker's. */
static const char *jpeg_objection(const struct image_source *source)
{
	bool fits, ended = false;
	for (size_t at = find_scan(source, &fits); at + 2 <= source->size; at++) {
		const uint8_t *p = source->bytes + at;
		ended = ended || (p[0] == 0xff && p[1] == 0xd9);
		if (p[0] == 0xff && p[1] == 0xc4 && at + 4 <= source->size)
			fits = fits && codes_fit(source, at);
	}
	return !ended ? "the file is truncated" : !fits ? "a Huffman table is too long" : NULL;
}

clipcls_status decode_stb_jpeg(struct image **out, const struct image_source *source)
{
	int width, height, channels;
	struct image *image = NULL;
	const char *objection = jpeg_objection(source);
	if (objection != NULL)
		return image_damaged(source, "JPEG", objection);
	if (source->size > INT_MAX ||
	    !stbi_info_from_memory(source->bytes, (int)source->size, &width, &height, &channels))
		return damaged(source, "JPEG");
	channels = channels == 1 ? 1 : 3;
	clipcls_status status = image_new(&image, channels == 1 ? IMAGE_L : IMAGE_RGB, (size_t)width,
	                                  (size_t)height, source);
	if (status == CLIPCLS_OK)
		status = fill(image, channels, false, source, "JPEG");
	if (status == CLIPCLS_OK)
		*out = image;
	else
		image_free(image);
	return status;
}

/* Makes of the picture that png_open has prepared one in the modes that stb_image gives. */
static clipcls_status fit_mode(struct png *png, const struct image_source *source)
{
	struct image *fit = NULL;
	bool has_alpha = png->image->has_transparency;
	if (png->image->mode != IMAGE_P)
		return CLIPCLS_OK;
	clipcls_status status =
	    image_new(&fit, has_alpha ? IMAGE_RGBA : IMAGE_RGB, png->width, png->height, source);
	if (status != CLIPCLS_OK)
		return status;
	fit->has_transparency = has_alpha;
	fit->has_transparent_color = png->image->has_transparent_color;
	memcpy(fit->transparent_color, png->image->transparent_color, sizeof fit->transparent_color);
	if (png->rows != png->image->data)
		free(png->rows);
	image_free(png->image);
	png->image = fit;
	png->rows = NULL;
	return CLIPCLS_OK;
}

static int channels_of(enum image_mode mode)
{
	switch (mode) {
	case IMAGE_LA: return 2;
	case IMAGE_RGB: return 3;
	case IMAGE_RGBA: return 4;
	default: return 1;
	}
}

clipcls_status decode_stb_png(struct image **out, const struct image_source *source)
{
	struct png png;
	clipcls_status status = png_open(&png, source);
	if (status == CLIPCLS_OK && source->size > INT_MAX)
		status = damaged(source, "PNG");
	if (status == CLIPCLS_OK)
		status = fit_mode(&png, source);
	if (status == CLIPCLS_OK)
		status = fill(png.image, channels_of(png.image->mode), png.image->mode == IMAGE_I16, source,
		              "PNG");
	if (status == CLIPCLS_OK) {
		*out = png.image;
		if (png.rows == png.image->data)
			png.rows = NULL;
		png.image = NULL;
	}
	png_close(&png);
	return status;
}

void decode_stb_describe(struct buffer *out)
{
	buffer_text(out, "stb_image");
}
