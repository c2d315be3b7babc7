/* Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CLIPCLS_BASE_UTF8_H
#define CLIPCLS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at bytes[0..n). Returns its length (1 to 4), or 0 when the bytes are not
 * UTF-8 or n = 0. */
size_t utf8_decode(uint32_t *code_point, const char *bytes, size_t n);
bool utf8_valid(const char *bytes, size_t n);

#endif
