/* Base 64 (RFC 4648, section 4). */
#ifndef CLIPCLS_TEXT_BASE64_H
#define CLIPCLS_TEXT_BASE64_H

#include "base/buffer.h"

/* Appends the bytes that text[0..n) stands for; false when it is not padded base 64. */
bool base64_decode(struct buffer *out, const char *text, size_t n);

#endif
