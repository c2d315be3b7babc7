/* How the readers of vocabulary files fill a vocabulary. */
#ifndef CLIPCLS_TEXT_VOCABULARY_BUILD_H
#define CLIPCLS_TEXT_VOCABULARY_BUILD_H

#include "base/buffer.h"
#include "text/json_walk.h"
#include "text/vocabulary.h"

/* An empty vocabulary for `tokens` tokens (a guess) whose texts have text_bytes bytes (a bound).
 * `name` stands in messages and is borrowed until the last call below. */
clipcls_status vocabulary_new(struct vocabulary **out, size_t tokens, size_t text_bytes,
                              size_t vocab_size, const char *name, clipcls_error *error);
/* Adds a token. Refused: an id beyond vocab_size or given twice, a text given twice, not UTF-8. */
clipcls_status vocabulary_add(struct vocabulary *vocabulary, const char *text, size_t n, size_t id,
                              clipcls_error *error);
/* Adds a token together with the next merge, which makes it from two tokens: text[0..left) and the
 * rest. For vocabularies that are known to be right. */
clipcls_status vocabulary_add_merged(struct vocabulary *vocabulary, const char *text, size_t left,
                                     size_t n, size_t id, clipcls_error *error);
/* Adds the next merge; it and its halves must be tokens. */
clipcls_status vocabulary_add_merge(struct vocabulary *vocabulary, const char *left, size_t n_left,
                                    const char *right, size_t n_right, clipcls_error *error);
/* Finds the start and end tokens under the names that checkpoints give them. */
clipcls_status vocabulary_finish(struct vocabulary *vocabulary, clipcls_error *error);

/* The readers. On error *out may hold a part, which the caller frees. */
clipcls_status vocabulary_read_builtin(struct vocabulary **out, size_t vocab_size,
                                       clipcls_error *error);
/* One "left right" a line; "#version" lines and blank ones are skipped. */
clipcls_status vocabulary_read_merges(struct vocabulary *vocabulary, const char *text, size_t n,
                                      clipcls_error *error);
/* A JSON object of token: id, at the walk's place. */
clipcls_status vocabulary_read_members(struct vocabulary *vocabulary, struct json_walk *walk,
                                       clipcls_error *error);
/* A JSON list of merges, each "left right" or ["left","right"], at the walk's place. */
clipcls_status vocabulary_read_merge_list(struct vocabulary *vocabulary, struct json_walk walk);
clipcls_status vocabulary_read_vocab_json(struct vocabulary **out,
                                          const struct tokenizer_files *files, size_t vocab_size,
                                          clipcls_error *error);
clipcls_status vocabulary_read_tokenizer_json(struct vocabulary **out,
                                              const struct tokenizer_files *files,
                                              size_t vocab_size, clipcls_error *error);

#endif
