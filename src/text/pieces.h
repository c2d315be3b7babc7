/* The pieces of a vocabulary, to be found by the text that starts with them.
 *
 * A unigram model asks at every character for all pieces that begin there. The usual trie of
 * 900,000 pieces takes longer to build than the rest of the start; here the bytes go into a hash
 * one by one, and the table is asked after each. Bits of the hashes of some prefixes end most walks
 * early. */
#ifndef CLIPCLS_TEXT_PIECES_H
#define CLIPCLS_TEXT_PIECES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A walk looks at this many bytes at most, so that n bytes of text take O(n) whatever the file. */
#define PIECE_LIMIT 512

struct piece {
	uint32_t text, length; /* in pieces->texts */
	int32_t id;
	uint32_t flags; /* the owner's */
	double score;
};

struct piece_slot {
	uint32_t hash;
	uint32_t place; /* plus one; 0 = free */
};

/* Zero-initialise; pieces_free is allowed then. */
struct pieces {
	const char *name; /* in messages, borrowed while pieces are added */
	char *texts;
	size_t texts_size, texts_capacity;
	struct piece *list; /* (count) in the order of adding */
	size_t count, capacity;
	struct piece_slot *slots; /* (slot_count) a power of two, at most half of them full */
	size_t slot_count;
	unsigned char *prefixes; /* (slot_count) bits, of the hashes of some prefixes */
	uint64_t seed, factor;
	size_t longest; /* bytes */
};

/* Room for `expected` pieces (a guess). */
clipcls_status pieces_init(struct pieces *pieces, size_t expected, const char *name,
                           clipcls_error *error);
void pieces_free(struct pieces *pieces);

/* Adds one of 1 to PIECE_LIMIT bytes of UTF-8 that is not there yet; its text is copied.
 * Errors: CLIPCLS_ERR_FORMAT, _UNSUPPORTED (too long), _MEMORY. */
clipcls_status pieces_add(struct pieces *pieces, const char *text, size_t n,
                          const struct piece *values, clipcls_error *error);

/* The piece with this text; NULL = none. */
const struct piece *pieces_find(const struct pieces *pieces, const char *text, size_t n);

/* The pieces that text[0..n) starts with, the shortest first:
 *     struct piece_walk walk = { .pieces = pieces, .text = text, .size = n };
 *     while ((piece = piece_walk_next(&walk)) != NULL) */
struct piece_walk {
	const struct pieces *pieces;
	const char *text;
	size_t size, length; /* length: bytes looked at so far; starts 0 */
	uint64_t hash;
};
const struct piece *piece_walk_next(struct piece_walk *walk);

/* The longest piece that text[0..n) starts with; NULL = none. */
const struct piece *pieces_longest(const struct pieces *pieces, const char *text, size_t n);

#endif
