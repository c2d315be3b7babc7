/* Escaping for XML. */
#ifndef CLIPCLS_BASE_XML_H
#define CLIPCLS_BASE_XML_H

#include "base/buffer.h"

/* Appends n bytes as the content of an attribute or an element. What XML 1.0 has no place for
 * (controls, U+FFFE, U+FFFF, bytes that are not UTF-8) becomes \xHH, byte by byte. */
void xml_write_text(struct buffer *out, const char *bytes, size_t n);

#endif
