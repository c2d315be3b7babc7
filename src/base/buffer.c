#include "base/buffer.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_append(struct buffer *buffer, const void *bytes, size_t n)
{
	size_t needed;
	if (buffer->failed)
		return;
	char *grown = NULL;
	if (size_add(buffer->size, n, &needed) && size_add(needed, 1, &needed))
		grown = memory_grow(buffer->bytes, &buffer->capacity, needed, 1);
	if (grown == NULL) {
		buffer->failed = true;
		return;
	}
	buffer->bytes = grown;
	if (n > 0)
		memcpy(buffer->bytes + buffer->size, bytes, n);
	buffer->size += n;
	buffer->bytes[buffer->size] = '\0';
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_byte(struct buffer *buffer, char byte)
{
	buffer_append(buffer, &byte, 1);
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < sizeof text) {
		buffer_append(buffer, text, (size_t)n);
		return;
	}
	char *longer = n < 0 ? NULL : malloc((size_t)n + 1);
	if (longer == NULL) {
		buffer->failed = true;
		return;
	}
	va_start(args, format);
	vsnprintf(longer, (size_t)n + 1, format, args);
	va_end(args);
	buffer_append(buffer, longer, (size_t)n);
	free(longer);
}

void buffer_code_point(struct buffer *buffer, uint32_t code_point)
{
	uint32_t c = code_point;
	char utf8[4];
	size_t n;
	if (c < 0x80) {
		utf8[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		utf8[0] = (char)(0xc0 | c >> 6);
		utf8[1] = (char)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		utf8[0] = (char)(0xe0 | c >> 12);
		utf8[1] = (char)(0x80 | (c >> 6 & 0x3f));
		utf8[2] = (char)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		utf8[0] = (char)(0xf0 | c >> 18);
		utf8[1] = (char)(0x80 | (c >> 12 & 0x3f));
		utf8[2] = (char)(0x80 | (c >> 6 & 0x3f));
		utf8[3] = (char)(0x80 | (c & 0x3f));
		n = 4;
	}
	buffer_append(buffer, utf8, n);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->failed = false;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct buffer){ 0 };
}
