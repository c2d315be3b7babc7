#include "base/utf8.h"

size_t utf8_decode(uint32_t *code_point, const char *bytes, size_t n)
{
	const unsigned char *b = (const unsigned char *)bytes;
	if (n == 0)
		return 0;
	if (b[0] < 0x80) {
		*code_point = b[0];
		return 1;
	}
	size_t length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	if (b[0] < 0xc2 || b[0] > 0xf4 || length > n)
		return 0;
	uint32_t c = b[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3fu);
	}
	if (c < smallest[length] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*code_point = c;
	return length;
}

bool utf8_valid(const char *bytes, size_t n)
{
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, bytes + i, n - i);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}
