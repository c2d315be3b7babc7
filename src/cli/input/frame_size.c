#include "cli/input/frame_size.h"

#include <stdint.h>
#include <string.h>

/* Sides and sizes above this are nonsense; products of two and a few bytes fit 64 bits. */
#define LARGEST 0x7fffffffu

static enum frame_state of_size(size_t *size, uint64_t wanted, size_t n)
{
	if (wanted > SIZE_MAX)
		return FRAME_UNKNOWN;
	*size = (size_t)wanted;
	return wanted <= n ? FRAME_WHOLE : FRAME_PART;
}

/* ---- PNM: a text header of two or three numbers, then samples -------------------------------- */

static bool is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number, behind white space and comments. */
static enum frame_state pnm_number(uint32_t *out, const unsigned char *bytes, size_t n, size_t *at)
{
	bool comment = false;
	while (*at < n && (comment || is_space(bytes[*at]) || bytes[*at] == '#')) {
		comment = bytes[*at] == '#' || (comment && bytes[*at] != '\n' && bytes[*at] != '\r');
		(*at)++;
	}
	size_t first = *at;
	*out = 0;
	while (*at < n && bytes[*at] >= '0' && bytes[*at] <= '9') {
		if (*out > (LARGEST - 9) / 10)
			return FRAME_UNKNOWN;
		*out = *out * 10 + (uint32_t)(bytes[(*at)++] - '0');
	}
	if (*at == n)
		return FRAME_PART; /* the number may go on */
	return *at > first ? FRAME_WHOLE : FRAME_UNKNOWN;
}

static enum frame_state pnm_size(size_t *size, const unsigned char *bytes, size_t n)
{
	uint32_t width = 0, height = 0, most = 1;
	size_t at = 2;
	bool bits = bytes[1] == '4';
	enum frame_state state = pnm_number(&width, bytes, n, &at);
	if (state == FRAME_WHOLE)
		state = pnm_number(&height, bytes, n, &at);
	if (state == FRAME_WHOLE && !bits)
		state = pnm_number(&most, bytes, n, &at);
	if (state != FRAME_WHOLE)
		return state;
	if (!is_space(bytes[at]))
		return FRAME_UNKNOWN;
	uint64_t row = bits ? ((uint64_t)width + 7) / 8
	                    : (uint64_t)width * (bytes[1] == '6' ? 3 : 1) * (most > 255 ? 2 : 1);
	if (height > 0 && row > (SIZE_MAX - at - 1) / height)
		return FRAME_UNKNOWN;
	return of_size(size, at + 1 + row * height, n);
}

/* ---- JPEG: segments with lengths, scans that end where a marker stands ------------------------
 */

/* The end of the scan's data that starts at `at`; n when it is not there yet. */
static size_t jpeg_scan_end(const unsigned char *bytes, size_t n, size_t at)
{
	while (at + 1 < n) {
		const unsigned char *mark = memchr(bytes + at, 0xff, n - 1 - at);
		if (mark == NULL)
			return n;
		at = (size_t)(mark - bytes);
		unsigned char code = bytes[at + 1];
		/* A 0 behind 0xff is data; so are restarts. */
		if (code != 0 && code != 0xff && (code < 0xd0 || code > 0xd7))
			return at;
		at += code == 0xff ? 1 : 2;
	}
	return n;
}

static enum frame_state jpeg_size(size_t *size, const unsigned char *bytes, size_t n)
{
	size_t at = 2;
	while (at + 2 <= n) {
		unsigned char code = bytes[at + 1];
		if (bytes[at] != 0xff)
			return FRAME_UNKNOWN;
		if (code == 0xd9)
			return of_size(size, at + 2, n);
		if (code == 0xff) { /* padding */
			at++;
			continue;
		}
		if (at + 4 > n)
			break;
		at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]);
		if (code == 0xda && at < n)
			at = jpeg_scan_end(bytes, n, at);
	}
	return FRAME_PART;
}

/* ---- PNG: chunks with lengths ------------------------------------------------------------------
 */

static enum frame_state png_size(size_t *size, const unsigned char *bytes, size_t n)
{
	size_t at = 8;
	while (n - at >= 8) {
		uint32_t length = (uint32_t)bytes[at] << 24 | (uint32_t)bytes[at + 1] << 16 |
		                  (uint32_t)bytes[at + 2] << 8 | bytes[at + 3];
		if (length > LARGEST)
			return FRAME_UNKNOWN;
		uint64_t end = (uint64_t)at + 12 + length;
		if (memcmp(bytes + at + 4, "IEND", 4) == 0)
			return of_size(size, end, n);
		if (end > n)
			break;
		at = (size_t)end;
	}
	return FRAME_PART;
}

static enum frame_state bmp_size(size_t *size, const unsigned char *bytes, size_t n)
{
	uint32_t whole;
	if (n < 6)
		return FRAME_PART;
	whole =
	    (uint32_t)bytes[5] << 24 | (uint32_t)bytes[4] << 16 | (uint32_t)bytes[3] << 8 | bytes[2];
	return whole < 26 || whole > LARGEST ? FRAME_UNKNOWN : of_size(size, whole, n);
}

enum frame_state frame_size(size_t *size, const unsigned char *bytes, size_t n)
{
	static const unsigned char png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	*size = 0;
	if (n < 2)
		return FRAME_PART;
	if (bytes[0] == 'P' && bytes[1] >= '4' && bytes[1] <= '6')
		return pnm_size(size, bytes, n);
	if (bytes[0] == 0xff && bytes[1] == 0xd8)
		return jpeg_size(size, bytes, n);
	if (bytes[0] == 'B' && bytes[1] == 'M')
		return bmp_size(size, bytes, n);
	if (memcmp(bytes, png, n < sizeof png ? n : sizeof png) == 0)
		return n < sizeof png ? FRAME_PART : png_size(size, bytes, n);
	return FRAME_UNKNOWN;
}
