#include "base/xml.h"

#include "base/utf8.h"

/* Line ends and tabs are allowed, but change inside an attribute. */
static bool is_text(uint32_t code_point)
{
	return code_point >= 0x20 && code_point != 0x7f && code_point != 0xfffe && code_point != 0xffff;
}

void xml_write_text(struct buffer *out, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint32_t code_point;
		size_t length = utf8_decode(&code_point, bytes + i, n - i);
		char c = bytes[i];
		if (c == '&' || c == '<' || c == '>' || c == '"') {
			buffer_format(out, "&#%d;", c);
		} else if (length > 0 && is_text(code_point)) {
			buffer_append(out, bytes + i, length);
		} else {
			length = length > 0 ? length : 1;
			for (size_t k = 0; k < length; k++)
				buffer_format(out, "\\x%02X", (unsigned char)bytes[i + k]);
		}
		i += length;
	}
}
