/* What stands in a picture file beside its pixels: chunks of PNG, the EXIF and XMP orientation. */
#ifndef CLIPCLS_IMAGE_METADATA_H
#define CLIPCLS_IMAGE_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A run of bytes inside the file; bytes is NULL where there is none. */
struct span {
	const uint8_t *bytes;
	size_t size;
};

/* EXIF is a TIFF structure, XMP an XML text; both borrowed from the file. */
struct metadata {
	struct span exif, xmp;
};

/* 1 to 8, from EXIF, else from XMP; 1 where neither says anything that can be read. */
int metadata_orientation(const struct metadata *metadata);

/* Where these formats keep them. Damaged files give what stands before the damage. */
void metadata_of_jpeg(struct metadata *out, const uint8_t *bytes, size_t size);
void metadata_of_png(struct metadata *out, const uint8_t *bytes, size_t size);
void metadata_of_webp(struct metadata *out, const uint8_t *bytes, size_t size);

/* Goes from chunk to chunk of a PNG; *at starts at 0. False at the end or where the file breaks.
 * data: the chunk's, inside the file. */
bool png_next_chunk(size_t *at, char type[5], struct span *data, const uint8_t *bytes, size_t size);
/* The same for the RIFF chunks of a WebP, from *at to `size`. */
bool webp_next_chunk(size_t *at, char type[5], struct span *data, const uint8_t *bytes,
                     size_t size);

static inline uint32_t read_u32_big(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t read_u32_little(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint16_t read_u16_big(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t read_u16_little(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

#endif
