/* The orientation in EXIF (a TIFF directory, read as Pillow's TiffImagePlugin reads it, its
 * leniency included) and in XMP. */
#include "image/metadata.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112 };

/* Bytes of one value of each TIFF type, 0 = unknown: such an entry is passed over. */
static const uint8_t TYPE_SIZE[] = { 0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8 };

struct tiff {
	struct span data;
	bool big_endian;
};

static uint16_t tiff_u16(const struct tiff *tiff, const uint8_t *p)
{
	return tiff->big_endian ? read_u16_big(p) : read_u16_little(p);
}

static uint32_t tiff_u32(const struct tiff *tiff, const uint8_t *p)
{
	return tiff->big_endian ? read_u32_big(p) : read_u32_little(p);
}

/* Accepts the version in the wrong byte order too: some cameras write it so. */
static bool tiff_open(struct tiff *tiff, struct span exif)
{
	static const char prefix[] = "Exif\0";
	for (int i = 0; i < 2; i++)
		if (exif.size >= sizeof prefix && memcmp(exif.bytes, prefix, sizeof prefix) == 0) {
			exif.bytes += sizeof prefix;
			exif.size -= sizeof prefix;
		}
	if (exif.size < 8)
		return false;
	const uint8_t *p = exif.bytes;
	if (!(p[0] == 'I' && p[1] == 'I') && !(p[0] == 'M' && p[1] == 'M'))
		return false;
	if (!(p[2] == 42 && p[3] == 0) && !(p[2] == 0 && p[3] == 42))
		return false;
	*tiff = (struct tiff){ exif, p[0] == 'M' };
	return true;
}

/* The first value of the entry at p, an integer type's; 1 for any other. */
static int entry_value(const struct tiff *tiff, const uint8_t *p, uint64_t bytes)
{
	enum { SHORT = 3, LONG = 4, SIGNED_BYTE = 6, SIGNED_SHORT = 8, SIGNED_LONG = 9 };
	const uint8_t *value = p + 8;
	if (bytes > 4)
		value = tiff->data.bytes + tiff_u32(tiff, value);
	uint32_t number = 1;
	switch (tiff_u16(tiff, p + 2)) {
	case SHORT:
	case SIGNED_SHORT: number = tiff_u16(tiff, value); break;
	case LONG:
	case SIGNED_LONG: number = tiff_u32(tiff, value); break;
	case SIGNED_BYTE: number = value[0]; break;
	}
	return number >= 1 && number <= 8 ? (int)number : 1;
}

/* Goes through the first directory. An entry whose data lies outside the file ends the reading, so
 * that what stands behind it is not seen: as in the reference.
 * 0 when there is no orientation. */
static int tiff_orientation(const struct tiff *tiff)
{
	const struct span data = tiff->data;
	uint64_t at = tiff_u32(tiff, data.bytes + 4), total = 0;
	if (at + 2 > data.size)
		return 0;
	size_t entries = tiff_u16(tiff, data.bytes + at);
	at += 2;
	for (size_t i = 0; i < entries; i++, at += 12) {
		if (at + 12 > data.size)
			return 0;
		const uint8_t *p = data.bytes + at;
		uint16_t type = tiff_u16(tiff, p + 2);
		uint64_t bytes = type < sizeof TYPE_SIZE ? TYPE_SIZE[type] : 0;
		bytes *= tiff_u32(tiff, p + 4);
		if (bytes == 0)
			continue;
		if (bytes > 4) {
			total += bytes;
			if (total > data.size)
				continue;
			if (tiff_u32(tiff, p + 8) + bytes > data.size)
				return 0;
		}
		if (tiff_u16(tiff, p) == TAG_ORIENTATION)
			return entry_value(tiff, p, bytes);
	}
	return 0;
}

/* The first tiff:Orientation="N" or tiff:Orientation>N in the text; 0 when there is none. */
static int xmp_orientation(struct span xmp)
{
	static const char name[] = "tiff:Orientation";
	const size_t n = sizeof name - 1;
	const uint8_t *p = xmp.bytes, *end = p == NULL ? NULL : p + xmp.size;
	while (p != NULL && (p = memmem(p, (size_t)(end - p), name, n)) != NULL) {
		p += n;
		const uint8_t *digit = p;
		if (end - digit >= 3 && memcmp(digit, "=\"", 2) == 0)
			digit += 2;
		else if (end - digit >= 2 && *digit == '>')
			digit++;
		else
			continue;
		if (*digit >= '0' && *digit <= '9')
			return *digit - '0';
	}
	return 0;
}

int metadata_orientation(const struct metadata *metadata)
{
	struct tiff tiff;
	int orientation = 0;
	if (metadata->exif.bytes != NULL && tiff_open(&tiff, metadata->exif))
		orientation = tiff_orientation(&tiff);
	if (orientation == 0)
		orientation = xmp_orientation(metadata->xmp);
	return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
