/* SentencePiece's precompiled character map: rules "this text becomes that one" in a double-array
 * trie (Darts), followed by the replacements. Part of spiece.model and of tokenizer.json. */
#ifndef CLIPCLS_TEXT_CHARSMAP_H
#define CLIPCLS_TEXT_CHARSMAP_H

#include "base/buffer.h"
#include "base/error.h"

struct charsmap;

/* bytes: uint32 (little endian) size of the trie, the trie, replacements that each end in NUL;
 * copied. Errors: CLIPCLS_ERR_FORMAT, _MEMORY; messages start with `name`. */
clipcls_status charsmap_new(struct charsmap **out, const char *bytes, size_t size, const char *name,
                            clipcls_error *error);
void charsmap_free(struct charsmap *map);

/* A replacement and how many bytes of text it stands for. */
struct charsmap_match {
	const char *text; /* ends in NUL; may be "" */
	size_t length;
};

/* The rule for the longest, or the shortest, start of text[0..n) that has one. */
bool charsmap_longest(struct charsmap_match *out, const struct charsmap *map, const char *text,
                      size_t n);
bool charsmap_shortest(struct charsmap_match *out, const struct charsmap *map, const char *text,
                       size_t n);

/* Appends text[0..n) (UTF-8) as the tokenizers library maps it: grapheme by grapheme if it is
 * short, then by its shortest rule and as a whole, else character by character. map may be NULL. */
void charsmap_graphemes(struct buffer *out, const struct charsmap *map, const char *text, size_t n);

#endif
