/* The kinds of tokenizers behind tokenizer.h. */
#ifndef CLIPCLS_TEXT_TOKENIZER_ALGORITHM_H
#define CLIPCLS_TEXT_TOKENIZER_ALGORITHM_H

#include "text/tokenizer.h"

/* For the three functions see tokenizer.h; text is valid UTF-8, context_length at least 2. */
struct tokenizer_algorithm {
	clipcls_status (*create)(void **out, const struct tokenizer_files *files,
	                         const struct tokenizer_config *config, size_t vocab_size,
	                         clipcls_error *error);
	void (*destroy)(void *model); /* NULL is allowed */
	clipcls_status (*encode)(const void *model, int32_t *ids, size_t *count, const char *text,
	                         size_t n, size_t context_length, clipcls_error *error);
};

extern const struct tokenizer_algorithm tokenizer_clip;
/* transformers' SiglipTokenizer. */
extern const struct tokenizer_algorithm tokenizer_siglip;
/* The tokenizers library: whatever a tokenizer.json (or BERT's vocab.txt) says. */
extern const struct tokenizer_algorithm tokenizer_pipeline;

#endif
