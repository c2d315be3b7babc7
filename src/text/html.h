/* HTML character references: what html.unescape and ftfy make of them. */
#ifndef CLIPCLS_TEXT_HTML_H
#define CLIPCLS_TEXT_HTML_H

#include "base/buffer.h"

/* Both take n bytes of valid UTF-8 and append to *out. */

/* Python's html.unescape: "&amp", "&amp;" and "&ampere" all give an ampersand. */
void html_unescape(struct buffer *out, const char *text, size_t n);
/* ftfy.fixes.unescape_html: only what ends in a semicolon, but all-caps names ("&EACUTE;") too. */
void html_unescape_strict(struct buffer *out, const char *text, size_t n);

#endif
