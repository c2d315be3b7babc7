/* What the tokenizers ask of Unicode: kinds of characters, lower case, composition. */
#ifndef CLIPCLS_TEXT_UNICODE_H
#define CLIPCLS_TEXT_UNICODE_H

#include "base/buffer.h"
#include "model/config.h"

/* The classes of CLIP's splitting expression: \s, \p{L}, \p{N} and the rest. */
enum text_class { TEXT_SPACE, TEXT_LETTER, TEXT_NUMBER, TEXT_OTHER };

/* The two references carry different versions of Unicode; `reference` says whose answer is
 * wanted. */
enum text_class unicode_class(uint32_t c, enum text_cleaning reference);
/* Of the tables in use, which decide what a prompt's tokens are. */
const char *unicode_version(void);
/* White space as \s, str.strip() and str.split() have it. */
bool unicode_is_space(uint32_t c);
/* \d of Python's re: a decimal digit of any script. */
bool unicode_is_decimal(uint32_t c);

/* str.isspace(): the same and four control characters, U+001C to U+001F. */
bool unicode_is_python_space(uint32_t c);

/* The kinds of characters that BERT's normalizer and pre-tokenizer go by: what is dropped as a
 * control character, an accent when it stands alone, punctuation. Its Unicode is an old one. */
bool unicode_bert_is_control(uint32_t c);
bool unicode_bert_is_accent(uint32_t c);
bool unicode_bert_is_punctuation(uint32_t c);

/* Bytes of the extended grapheme cluster that text[0..n) starts with; n > 0, valid UTF-8. */
size_t unicode_grapheme(const char *text, size_t n);

/* What follows takes n bytes of valid UTF-8 and appends to *out. */

/* Normalization form C. */
void unicode_compose(struct buffer *out, const char *text, size_t n, enum text_cleaning reference);
/* Normalization form D. */
void unicode_decompose(struct buffer *out, const char *text, size_t n);
/* Rust's char::to_lowercase, one character at a time. */
void unicode_lower_chars(struct buffer *out, const char *text, size_t n);
/* Python's str.lower(): the same, but a sigma that ends a word becomes a final one. */
void unicode_lower_text(struct buffer *out, const char *text, size_t n);

/* The usual form of a half-width or full-width character; any other one as it is. */
void unicode_usual_width(struct buffer *out, uint32_t c);
/* What the byte c, 0x80 to 0x9f, is in windows-1252; itself where that has nothing. */
uint32_t unicode_windows_1252(uint32_t c);

#endif
