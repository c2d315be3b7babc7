/* Text -> token ids, as the checkpoint's reference tokenizer gives them. */
#ifndef CLIPCLS_TEXT_TOKENIZER_H
#define CLIPCLS_TEXT_TOKENIZER_H

#include "base/error.h"
#include "model/checkpoint.h"

struct tokenizer;

/* Builds a tokenizer from a checkpoint's files (TOKENIZER_CLIP with all NULL: CLIP's vocabulary,
 * built in). The files are borrowed only for the call. vocab_size is the text tower's: an id beyond
 * it is an error, of TOKENIZER_CLIP's file, of the others' prompts that have it.
 * Errors: CLIPCLS_ERR_FORMAT, _UNSUPPORTED, _MEMORY; messages name the file. */
clipcls_status tokenizer_new(struct tokenizer **out, const struct tokenizer_files *files,
                             const struct tokenizer_config *config, size_t vocab_size,
                             clipcls_error *error);
void tokenizer_free(struct tokenizer *tokenizer);

/* Encodes one text (UTF-8, n bytes): start token, tokens, end token, no padding; cut to
 * context_length with the end token last. ids: (context_length), caller's. *count >= 2 with
 * TOKENIZER_CLIP; others have start and end where their file says so, and *count may be 0.
 * The tokenizer is not changed: any number of threads may encode. */
clipcls_status tokenizer_encode(const struct tokenizer *tokenizer, int32_t *ids, size_t *count,
                                const char *text, size_t n, size_t context_length,
                                clipcls_error *error);

#endif
