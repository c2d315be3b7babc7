/* A unigram model: the way to cut a text into pieces whose scores have the largest sum (Kudo 2018,
 * section 3.1; Viterbi). Two implementations are references, and round differently. */
#ifndef CLIPCLS_TEXT_UNIGRAM_H
#define CLIPCLS_TEXT_UNIGRAM_H

#include "text/id_list.h"
#include "text/pieces.h"

#include <stddef.h>

/* piece.flags */
enum {
	UNIGRAM_HIDDEN = 1,      /* no text becomes it: control and unused pieces, bytes */
	UNIGRAM_USER_DEFINED = 2 /* preferred to whatever the scores say */
};

/* Filled by the readers; pieces' scores are set. */
struct unigram {
	struct pieces pieces;
	double min_score, max_score; /* of the pieces that count */
	int32_t unk_id;
	bool byte_fallback;    /* with all of byte_ids */
	int32_t byte_ids[256]; /* "<0x00>" ... */
	bool is_sentencepiece; /* sums in float, bytes before anything; else the tokenizers library */
};

void unigram_free(struct unigram *unigram);
/* Finds the pieces of bytes: byte_ids, or byte_fallback = false where one is missing. */
void unigram_find_bytes(struct unigram *unigram);

/* Scratch, kept from text to text; zero-initialise. */
struct unigram_scratch {
	struct unigram_node *nodes;
	size_t capacity;
};
void unigram_scratch_free(struct unigram_scratch *scratch);

/* Appends the ids of text[0..n), valid UTF-8. CLIPCLS_ERR_MEMORY is the only error.
 * Takes O(n) (at most PIECE_LIMIT steps for a character). */
clipcls_status unigram_encode(struct unigram_scratch *scratch, struct id_list *out,
                              const struct unigram *unigram, const char *text, size_t n,
                              clipcls_error *error);

#endif
