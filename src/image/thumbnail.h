/* A small upright copy of a picture, for people to look at: no tower sees it. */
#ifndef CLIPCLS_IMAGE_THUMBNAIL_H
#define CLIPCLS_IMAGE_THUMBNAIL_H

#include "image/image.h"

#include "base/buffer.h"

/* Without pointers, so that it can lie in memory that is shared with a decoder's process. */
struct thumbnail {
	uint32_t width, height;           /* 0: there is none */
	uint32_t full_width, full_height; /* of the upright picture */
	uint8_t rgb[];                    /* (height, width, 3) */
};

/* Bytes of one whose longer side is `size` at most. */
size_t thumbnail_bytes(size_t size);

/* The mean of the pixels that fall on each of its own, of every few of them where there are many.
 * size: its longer side, from 1 to CLIPCLS_THUMBNAIL_LIMIT; a smaller picture keeps its own.
 * background: red, green, blue behind transparent pixels; NULL = a checkerboard.
 * Errors: CLIPCLS_ERR_MEMORY. */
clipcls_status thumbnail_make(struct thumbnail *out, const struct image *image, size_t size,
                              const uint8_t *background, clipcls_error *error);

/* Whether a thumbnail of unknown origin has sides that thumbnail_make may have given it. */
bool thumbnail_is_possible(const struct thumbnail *thumbnail, size_t size);

/* Appends it as a JPEG file, the same in every build. The one way to an encoder's library. */
void thumbnail_encode(struct buffer *out, const struct thumbnail *thumbnail);

#endif
