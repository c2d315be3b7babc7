/* What the decoders share: their one signature, and how they make the picture they fill.
 * Each gives pixels, palette and transparency; decode.c adds the orientation. */
#ifndef CLIPCLS_IMAGE_DECODERS_H
#define CLIPCLS_IMAGE_DECODERS_H

#include "image/image.h"

/* The bytes of one file and what errors about it need; borrowed for the call. */
struct image_source {
	const uint8_t *bytes;
	size_t size;
	const struct image_limits *limits;
	const char *name;
	clipcls_error *error;
};

typedef clipcls_status (*image_decoder)(struct image **out, const struct image_source *source);

/* Each stands in the file of its name; which of them are compiled is CMake's choice. On error *out
 * is left as it was. */
clipcls_status decode_jpeg(struct image **out, const struct image_source *source);
clipcls_status decode_spng(struct image **out, const struct image_source *source);
clipcls_status decode_libpng(struct image **out, const struct image_source *source);
clipcls_status decode_webp(struct image **out, const struct image_source *source);
clipcls_status decode_gif(struct image **out, const struct image_source *source);
clipcls_status decode_bmp(struct image **out, const struct image_source *source);
clipcls_status decode_pnm(struct image **out, const struct image_source *source);
/* The fallback for builds without the libraries; JPEG differs by a few levels from libjpeg's. */
clipcls_status decode_stb_jpeg(struct image **out, const struct image_source *source);
clipcls_status decode_stb_png(struct image **out, const struct image_source *source);

/* "libjpeg-turbo 2.1.5" and so on, appended to out. */
struct buffer;
void decode_jpeg_describe(struct buffer *out);
void decode_spng_describe(struct buffer *out);
void decode_libpng_describe(struct buffer *out);
void decode_webp_describe(struct buffer *out);
void decode_gif_describe(struct buffer *out);
void decode_stb_describe(struct buffer *out);

/* A black picture of the file's size, or CLIPCLS_ERR_LIMIT before anything is allocated;
 * CLIPCLS_ERR_DECODE for a side of 0. Freed with image_free. */
clipcls_status image_new(struct image **out, enum image_mode mode, size_t width, size_t height,
                         const struct image_source *source);
/* The limit alone, for a decoder whose library allocates on its own. */
clipcls_status image_check_size(size_t width, size_t height, const struct image_source *source);

/* CLIPCLS_ERR_DECODE: "NAME: damaged FORMAT: REASON". */
clipcls_status image_damaged(const struct image_source *source, const char *format,
                             const char *reason);

#endif
