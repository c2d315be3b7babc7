/* A decoded picture in its file's own colour mode, as Pillow would hold it. */
#ifndef CLIPCLS_IMAGE_IMAGE_H
#define CLIPCLS_IMAGE_IMAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Pillow's modes. Bytes per pixel: 1, 1, 2, 1, 3, 4, 2 (little endian), 4. */
enum image_mode {
	IMAGE_1,   /* bilevel, stored as 0 or 255 */
	IMAGE_L,   /* grey */
	IMAGE_LA,  /* grey, alpha */
	IMAGE_P,   /* index into the palette */
	IMAGE_RGB, /* red, green, blue */
	IMAGE_RGBA,
	IMAGE_I16, /* 16-bit grey */
	IMAGE_CMYK
};

struct image {
	enum image_mode mode;
	size_t width, height;
	/* Where the decoder reduced the picture: the file's size, and the part that its pixels cover.
	 * The reduced sides are rounded up, so that the last row and column may be covered in part.
	 * Otherwise the same as width and height, and the whole. */
	size_t full_width, full_height;
	struct image_box {
		double left, top, right, bottom;
	} box;
	uint8_t *data; /* (height, width, bytes per pixel), rows without padding */
	/* IMAGE_P only: RGB entries, and the alpha of each (255 where the file says nothing). */
	uint8_t palette[256][3];
	uint8_t palette_alpha[256];
	bool has_transparency; /* the file has alpha or a transparent colour, in whatever mode */
	/* One transparent colour (PNG's tRNS, GIF): (x,x,x) for grey, as it stands in the file; for
	 * IMAGE_P the palette's colour, where exactly one entry is transparent. */
	bool has_transparent_color;
	uint16_t transparent_color[3];
	int orientation; /* EXIF, 1 to 8; 1 when absent */
};

struct image_limits {
	size_t max_pixels; /* of the file's size, reduced or not */
	/* A decoder that can (JPEG's alone) may reduce the picture to sides of at least these lengths;
	 * both 0: it may not. */
	size_t wanted_short_side, wanted_long_side;
};

/* Decodes the first frame. The format is told from the bytes, never from a name; `name` stands in
 * messages. Errors: CLIPCLS_ERR_DECODE (damaged), _UNSUPPORTED (HEIC, AVIF, TIFF, unknown), _LIMIT
 * (more than max_pixels, found before the pixels are allocated), _MEMORY. */
clipcls_status image_decode(struct image **out, const uint8_t *bytes, size_t size,
                            const struct image_limits *limits, const char *name,
                            clipcls_error *error);
void image_free(struct image *image);

size_t image_mode_bytes(enum image_mode mode);

/* Lines "decoder jpeg: libjpeg-turbo 2.1.5" for clipcls_build_info. */
struct buffer;
void image_decoders_describe(struct buffer *out);

/* File name endings that a directory walk takes, lower case, without the dot; NULL past the end. */
const char *image_extension(size_t index);

#endif
