/* A byte-pair vocabulary: tokens with their ids, and merges with their ranks.
 *
 * Tokens are kept as the vocabulary files write them: every byte of a text is one of 256
 * printable code points, and the last token of a word ends in "</w>". A merge is looked up by the
 * text that it makes, and by where its left half ends: no table of pairs has to be built, which
 * matters because this runs at every start of the program. */
#ifndef CLIPCLS_TEXT_VOCABULARY_H
#define CLIPCLS_TEXT_VOCABULARY_H

#include "base/error.h"
#include "model/checkpoint.h"

#include <stdbool.h>

struct vocabulary;

#define WORD_END "</w>"
#define RANK_NONE SIZE_MAX

/* Builds one from a checkpoint's files; files = NULL or all of them NULL: CLIP's, built in.
 * Errors: CLIPCLS_ERR_FORMAT, _UNSUPPORTED, _MEMORY; messages name the file. */
clipcls_status vocabulary_load(struct vocabulary **out, const struct tokenizer_files *files,
                               size_t vocab_size, clipcls_error *error);
void vocabulary_free(struct vocabulary *vocabulary);

int32_t vocabulary_start_id(const struct vocabulary *vocabulary);
int32_t vocabulary_end_id(const struct vocabulary *vocabulary);

/* The code point that stands for a byte in token texts. */
uint32_t vocabulary_code_point(unsigned char byte);

/* The place of a token in the vocabulary (not its id); false when there is none. */
bool vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n,
                     size_t *token);
int32_t vocabulary_id(const struct vocabulary *vocabulary, size_t token);
/* The rank of the merge of text[0..left) and text[left..n): lower goes first. */
size_t vocabulary_rank(const struct vocabulary *vocabulary, const char *text, size_t left,
                       size_t n);

/* Whether merging the whole word that a token is ends in that token: found out once per token, and
 * the same whoever finds out, so that any number of threads may ask and tell. */
enum token_whole { TOKEN_WHOLE_UNKNOWN, TOKEN_WHOLE_YES, TOKEN_WHOLE_NO };
enum token_whole vocabulary_whole(const struct vocabulary *vocabulary, size_t token);
void vocabulary_set_whole(const struct vocabulary *vocabulary, size_t token,
                          enum token_whole whole);

#endif
