/* BERT's WordPiece: normalization, splitting, and the longest pieces first (Wu et al. 2016,
 * section 4.1; the tokenizers library's BertNormalizer, BertPreTokenizer and WordPiece). */
#ifndef CLIPCLS_TEXT_WORDPIECE_H
#define CLIPCLS_TEXT_WORDPIECE_H

#include "base/buffer.h"
#include "text/id_list.h"
#include "text/pieces.h"

/* BertNormalizer. */
struct wordpiece_normalizer {
	bool clean_text, handle_chinese_chars, strip_accents, lowercase;
};

/* Filled by the readers. */
struct wordpiece {
	struct pieces pieces;
	char prefix[16]; /* of a piece inside a word: "##" */
	size_t max_word; /* characters; a longer word is unknown */
	int32_t unk_id;
};

/* Appends text[0..n), valid UTF-8, normalized. */
void wordpiece_normalize(struct buffer *out, const struct wordpiece_normalizer *normalizer,
                         const char *text, size_t n);

/* Appends the ids of normalized text; it ends when there are `limit`.
 * scratch: kept from text to text. CLIPCLS_ERR_MEMORY is the only error. */
clipcls_status wordpiece_encode(struct buffer *scratch, struct id_list *out,
                                const struct wordpiece *model, const char *text, size_t n,
                                size_t limit, clipcls_error *error);

#endif
