/* A growing run of bytes. Errors stick: append freely, then ask buffer_failed() once. */
#ifndef CLIPCLS_BASE_BUFFER_H
#define CLIPCLS_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. bytes is NUL-terminated (the NUL is not counted) once something was appended. */
struct buffer {
	char *bytes;
	size_t size, capacity;
	bool failed;
};

void buffer_append(struct buffer *buffer, const void *bytes, size_t n);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_byte(struct buffer *buffer, char byte);
__attribute__((format(printf, 2, 3))) void buffer_format(struct buffer *buffer, const char *format,
                                                         ...);
/* The UTF-8 bytes of one code point. */
void buffer_code_point(struct buffer *buffer, uint32_t code_point);
/* Empties, keeps the memory and forgets a failure. */
void buffer_clear(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

#endif
