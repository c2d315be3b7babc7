/* Splits cleaned text into the words that are encoded one by one. */
#ifndef CLIPCLS_TEXT_SCAN_H
#define CLIPCLS_TEXT_SCAN_H

#include "model/config.h"

enum piece_kind { PIECE_WORD, PIECE_START_TOKEN, PIECE_END_TOKEN };

struct piece {
	enum piece_kind kind;
	const char *text; /* borrowed */
	size_t size;
};

/* Where a walk stands; set text, size and reference, the rest zero. */
struct scanner {
	const char *text; /* cleaned by the same reference, valid UTF-8 */
	size_t size;
	enum text_cleaning reference;
	size_t at;
	size_t fence; /* no word reaches over it; 0 = none */
};

/* Finds the next piece:
 *     's|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+
 * after the reference's special tokens. False at the end. */
bool scanner_next(struct scanner *scanner, struct piece *piece);

/* The special tokens that stand in a text itself, as each reference writes them. */
const char *special_start_token(enum text_cleaning reference);
const char *special_end_token(enum text_cleaning reference);

#endif
