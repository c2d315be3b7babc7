/* Byte-pair encoding of a whole text whose symbols are characters, with bytes for those that the
 * vocabulary lacks: Gemma's, as the tokenizers library has it. */
#ifndef CLIPCLS_TEXT_BPE_CHARACTERS_H
#define CLIPCLS_TEXT_BPE_CHARACTERS_H

#include "text/bpe.h"
#include "text/id_list.h"

/* Filled by the reader. */
struct bpe_characters {
	struct vocabulary *vocabulary;
	bool byte_fallback;    /* with all of byte_ids */
	int32_t byte_ids[256]; /* "<0x00>" ... */
	int32_t unk_id;        /* -1: unknown characters are dropped */
	bool fuse_unk;         /* a run of them is one token */
};

void bpe_characters_free(struct bpe_characters *model);
/* Finds the tokens of bytes; false when one is missing. */
bool bpe_characters_find_bytes(struct bpe_characters *model);

/* Appends the ids of text[0..n), valid UTF-8. CLIPCLS_ERR_MEMORY is the only error.
 * Takes O(n log n). */
clipcls_status bpe_characters_encode(struct bpe *scratch, struct id_list *out,
                                     const struct bpe_characters *model, const char *text, size_t n,
                                     clipcls_error *error);

#endif
