/* Byte-pair encoding of one word. */
#ifndef CLIPCLS_TEXT_BPE_H
#define CLIPCLS_TEXT_BPE_H

#include "base/buffer.h"
#include "text/vocabulary.h"

/* Scratch of bpe_encode, kept from word to word; zero-initialise. */
struct bpe {
	struct buffer word;
	struct symbol *symbols;
	struct candidate *heap;
	size_t symbol_capacity, heap_capacity;
};
void bpe_free(struct bpe *bpe);

/* Appends the ids of the word text[0..n), n > 0, at ids[*count], as long as *count < capacity.
 * CLIPCLS_ERR_MEMORY is the only error. Takes O(n log n). */
clipcls_status bpe_encode(struct bpe *bpe, int32_t *ids, size_t *count, size_t capacity,
                          const struct vocabulary *vocabulary, const char *text, size_t n,
                          clipcls_error *error);

#endif
