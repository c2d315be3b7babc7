/* Finds EXIF and XMP in JPEG, PNG and WebP, without the decoding libraries: the rules are Pillow's
 * whichever decoder is compiled in. */
#include "image/metadata.h"

#include "base/checked.h"

#include <string.h>

static const char EXIF_HEAD[] = "Exif\0"; /* and the terminator: six bytes */
static const char XMP_HEAD[] = "http://ns.adobe.com/xap/1.0/";
static const char PNG_XMP_KEYWORD[] = "XML:com.adobe.xmp";

static bool starts_with(struct span span, const void *head, size_t n)
{
	return span.size >= n && memcmp(span.bytes, head, n) == 0;
}

static struct span skip(struct span span, size_t n)
{
	return (struct span){ span.bytes + n, span.size - n };
}

/* One APP1 segment. The first EXIF counts: a longer one goes on in further segments, but its first
 * directory, where the orientation stands, is in the first. Of XMP the last counts. */
static void take_app1(struct metadata *out, struct span data)
{
	if (starts_with(data, EXIF_HEAD, sizeof EXIF_HEAD)) {
		if (out->exif.bytes == NULL)
			out->exif = data;
	} else if (starts_with(data, XMP_HEAD, sizeof XMP_HEAD)) {
		out->xmp = skip(data, sizeof XMP_HEAD);
	}
}

void metadata_of_jpeg(struct metadata *out, const uint8_t *bytes, size_t size)
{
	enum { SOS = 0xda, APP1 = 0xe1, FIRST_RESTART = 0xd0, SOI = 0xd8, TEM = 0x01 };
	size_t at = 2;
	*out = (struct metadata){ 0 };
	while (at + 4 <= size) {
		if (bytes[at] != 0xff || bytes[at + 1] == 0xff || bytes[at + 1] == 0) {
			at++;
			continue;
		}
		uint8_t marker = bytes[at + 1];
		if (marker == SOS)
			return;
		if (marker == TEM || (marker >= FIRST_RESTART && marker <= SOI + 1)) {
			at += 2;
			continue;
		}
		size_t length = read_u16_big(bytes + at + 2);
		if (length < 2 || length > size - at - 2)
			return;
		if (marker == APP1)
			take_app1(out, (struct span){ bytes + at + 4, length - 2 });
		at += 2 + length;
	}
}

bool png_next_chunk(size_t *at, char type[5], struct span *data, const uint8_t *bytes, size_t size)
{
	enum { SIGNATURE = 8, FRAME = 12 }; /* a chunk's frame: length, type, checksum */
	size_t start = *at == 0 ? SIGNATURE : *at;
	if (start > size || size - start < FRAME)
		return false;
	size_t length = read_u32_big(bytes + start);
	if (length > size - start - FRAME)
		return false;
	memcpy(type, bytes + start + 4, 4);
	type[4] = '\0';
	*data = (struct span){ bytes + start + 8, length };
	*at = start + FRAME + length;
	return true;
}

/* An uncompressed iTXt chunk: keyword, 0, compression 0, method, language, 0, translated, 0. */
static void take_itxt(struct metadata *out, struct span data)
{
	if (!starts_with(data, PNG_XMP_KEYWORD, sizeof PNG_XMP_KEYWORD))
		return;
	data = skip(data, sizeof PNG_XMP_KEYWORD);
	if (data.size < 2 || data.bytes[0] != 0)
		return;
	data = skip(data, 2);
	for (int field = 0; field < 2; field++) {
		const uint8_t *end = data.size == 0 ? NULL : memchr(data.bytes, 0, data.size);
		if (end == NULL)
			return;
		data = skip(data, (size_t)(end - data.bytes) + 1);
	}
	out->xmp = data;
}

void metadata_of_png(struct metadata *out, const uint8_t *bytes, size_t size)
{
	size_t at = 0;
	char type[5];
	struct span data;
	*out = (struct metadata){ 0 };
	while (png_next_chunk(&at, type, &data, bytes, size)) {
		if (strcmp(type, "eXIf") == 0)
			out->exif = data;
		else if (strcmp(type, "iTXt") == 0)
			take_itxt(out, data);
		else if (strcmp(type, "IEND") == 0)
			return;
	}
}

bool webp_next_chunk(size_t *at, char type[5], struct span *data, const uint8_t *bytes, size_t size)
{
	enum { FRAME = 8 };
	if (*at > size || size - *at < FRAME)
		return false;
	size_t length = read_u32_little(bytes + *at + 4), room = size - *at - FRAME;
	if (length > room)
		return false;
	memcpy(type, bytes + *at, 4);
	type[4] = '\0';
	*data = (struct span){ bytes + *at + FRAME, length };
	*at += FRAME + size_min(length + (length & 1), room);
	return true;
}

void metadata_of_webp(struct metadata *out, const uint8_t *bytes, size_t size)
{
	enum { RIFF_HEAD = 12 };
	size_t at = RIFF_HEAD;
	char type[5];
	struct span data;
	*out = (struct metadata){ 0 };
	while (webp_next_chunk(&at, type, &data, bytes, size)) {
		if (strcmp(type, "EXIF") == 0 && out->exif.bytes == NULL)
			out->exif = data;
		else if (strcmp(type, "XMP ") == 0 && out->xmp.bytes == NULL)
			out->xmp = data;
	}
}
