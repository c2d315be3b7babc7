/* What the PNG decoders share: header, palette and transparency as Pillow takes them, and the way
 * from PNG's rows to a picture in Pillow's mode. The libraries only unpack the rows. */
#ifndef CLIPCLS_IMAGE_PNG_H
#define CLIPCLS_IMAGE_PNG_H

#include "image/decoders.h"

struct png {
	size_t width, height;
	unsigned depth, color_type; /* as in the file; a legal pair */
	size_t row_bytes;           /* of one unpacked row: samples packed, 16 bits big endian */
	struct image *image;        /* made by png_open */
	uint8_t *rows;              /* (height, row_bytes), for the library to fill */
};

enum { PNG_GREY = 0, PNG_RGB = 2, PNG_PALETTE = 3, PNG_GREY_ALPHA = 4, PNG_RGBA = 6 };

/* Reads the header and makes picture and rows. Errors: CLIPCLS_ERR_DECODE, _LIMIT, _MEMORY; the
 * caller calls png_close in any case. */
clipcls_status png_open(struct png *png, const struct image_source *source);
/* Turns the filled rows into the picture and hands it out. */
void png_finish(struct image **out, struct png *png);
void png_close(struct png *png);

#endif
