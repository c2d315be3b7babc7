/* Merging the symbols of a text pair by pair, lowest rank first. Behind bpe.h. */
#ifndef CLIPCLS_TEXT_BPE_MERGE_H
#define CLIPCLS_TEXT_BPE_MERGE_H

#include "text/bpe.h"

#define NO_SYMBOL SIZE_MAX

/* A part of the word; merging lengthens the left one and drops the right one from the list. */
struct symbol {
	size_t start, length; /* in bpe->word; length 0 = dropped */
	size_t previous, next;
	bool is_fixed; /* is merged with nothing: its text is not its token's */
	int32_t id;    /* of a fixed one; -1 = no token at all */
};

/* Room for n symbols, and for the heap: n pairs at first, and two more for each of at most n
 * merges. */
bool bpe_make_room(struct bpe *bpe, size_t n);
/* The first n symbols are linked here in their order, then merged. */
void bpe_merge(struct bpe *bpe, const struct vocabulary *vocabulary, size_t n);

#endif
