#include "text/base64.h"

/* 0 to 63; 64 for any other character. */
static unsigned digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

bool base64_decode(struct buffer *out, const char *text, size_t n)
{
	if (n % 4 != 0)
		return false;
	for (size_t i = 0; i < n; i += 4) {
		unsigned padding = 0, value = 0;
		if (i + 4 == n)
			padding = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
		for (unsigned k = 0; k < 4; k++) {
			unsigned six = k < 4 - padding ? digit(text[i + k]) : 0;
			if (six > 63)
				return false;
			value = value << 6 | six;
		}
		for (unsigned k = 0; k < 3 - padding; k++)
			buffer_byte(out, (char)(value >> (16 - 8 * k) & 0xff));
	}
	return true;
}
