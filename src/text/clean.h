/* What each reference does to a text before it is split into words. */
#ifndef CLIPCLS_TEXT_CLEAN_H
#define CLIPCLS_TEXT_CLEAN_H

#include "base/buffer.h"

/* Both take n bytes of valid UTF-8 and append to *out. White space is left as it is, though the
 * references join or strip it: it separates words and is never part of one. */

/* transformers' CLIPTokenizer: normalization form C, lower case. Text between special tokens. */
void clean_huggingface(struct buffer *out, const char *text, size_t n);
/* open_clip's basic_clean and lower(): ftfy.fix_text without its mending of mis-decoded text,
 * html.unescape twice, Python's lower(). */
void clean_openclip(struct buffer *out, const char *text, size_t n);

#endif
