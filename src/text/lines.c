#include "text/lines.h"

#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

bool lines_next(struct lines *lines, const char **line, size_t *n)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (lines->at == 0 && lines->size >= 3 && memcmp(lines->bytes, mark, 3) == 0)
		lines->at = 3;
	if (lines->at >= lines->size)
		return false;
	*line = lines->bytes + lines->at;
	const char *end = memchr(*line, '\n', lines->size - lines->at);
	*n = end != NULL ? (size_t)(end - *line) : lines->size - lines->at;
	lines->at += *n + (end != NULL ? 1 : 0);
	lines->number++;
	return true;
}

void text_trim(const char **text, size_t *n)
{
	uint32_t c;
	for (;;) {
		size_t length = utf8_decode(&c, *text, *n);
		if (length == 0 || !unicode_is_space(c))
			break;
		*text += length;
		*n -= length;
	}
	while (*n > 0) {
		size_t length = 1; /* back to the last character's first byte */
		while (length < *n && length < 4 && ((unsigned char)(*text)[*n - length] & 0xc0) == 0x80)
			length++;
		if (utf8_decode(&c, *text + *n - length, length) != length || !unicode_is_space(c))
			break;
		*n -= length;
	}
}
