/* What happens to a decoded picture: turned upright, converted, resized. Every function gives the
 * bytes that Pillow (pinned in tests/parity) gives for the same step. */
#ifndef CLIPCLS_IMAGE_TRANSFORM_H
#define CLIPCLS_IMAGE_TRANSFORM_H

#include "image/image.h"
#include "model/config.h"

/* A black picture; NULL when memory is out. Freed with image_free. */
struct image *image_blank(enum image_mode mode, size_t width, size_t height);

/* Turns the picture as its orientation says and sets that to 1. ImageOps.exif_transpose.
 * On error (CLIPCLS_ERR_MEMORY) it is as before. */
clipcls_status image_orient(struct image *image, clipcls_error *error);

/* Makes the picture RGB. Image.convert("RGB"): alpha is dropped.
 * background: NULL, or red, green, blue that transparency is composited on, with the rounding of
 * Image.alpha_composite. On error (CLIPCLS_ERR_MEMORY) the picture is as before. */
clipcls_status image_to_rgb(struct image *image, const uint8_t *background, clipcls_error *error);

/* rgba: (width, 4): a row of the picture, in whatever mode it is, with its transparency. */
void image_row_rgba(uint8_t *rgba, const struct image *image, size_t y);

/* Makes the pixels of an RGB picture's transparent colour white. Pillow's convert("RGB") drops
 * alpha but keeps such a colour as a note, and CLIPImageProcessorPil composites what has one on
 * white. */
void image_whiten_transparent(struct image *image);

/* A part of a picture, in pixels; lies inside it. */
struct image_window {
	size_t x, y, width, height;
};

/* Image.resize((width, height), box=image->box) of which only `window` is computed; the mode stays.
 * Pictures in mode 1 and P are resized to the nearest pixel, LA and RGBA premultiplied, as there.
 * Errors: CLIPCLS_ERR_LIMIT (sides beyond what Pillow can resize), _MEMORY. */
clipcls_status image_resize(struct image **out, const struct image *image, size_t width,
                            size_t height, enum interpolation interpolation,
                            const struct image_window *window, clipcls_error *error);

#endif
