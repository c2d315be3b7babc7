/* What each reference does to a text before it is split into words. */
#ifndef CLIPCLS_TEXT_CLEAN_H
#define CLIPCLS_TEXT_CLEAN_H

#include "base/buffer.h"

/* All take n bytes of valid UTF-8 and append to *out. The first two leave white space as it is,
 * though CLIP's references join or strip it: there it separates words and is never part of one. */

/* transformers' CLIPTokenizer: normalization form C, lower case. Text between special tokens. */
void clean_huggingface(struct buffer *out, const char *text, size_t n);
/* open_clip's basic_clean and lower(): ftfy.fix_text without its mending of mis-decoded text,
 * html.unescape twice, Python's lower(). */
void clean_openclip(struct buffer *out, const char *text, size_t n);

/* transformers' SiglipTokenizer.canonicalize_text: Python's lower(), ASCII punctuation dropped,
 * runs of white space joined, both ends stripped. */
void clean_siglip(struct buffer *out, const char *text, size_t n);
/* open_clip's get_clean_fn("whitespace"): basic_clean, runs of white space joined, both ends
 * stripped; "lower" is lower() of that. */
void clean_openclip_whitespace(struct buffer *out, const char *text, size_t n);
void clean_openclip_lower(struct buffer *out, const char *text, size_t n);
/* get_clean_fn("canonicalize"): basic_clean, "_" becomes a space, ASCII punctuation dropped,
 * lower(), runs of white space joined, both ends stripped. */
void clean_openclip_canonicalize(struct buffer *out, const char *text, size_t n);

#endif
