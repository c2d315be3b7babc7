/* Which tokenizer a config means, and what is the same for all of them. */
#include "text/tokenizer.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer_algorithm.h"

#include <stdlib.h>

struct tokenizer {
	const struct tokenizer_algorithm *algorithm;
	void *model; /* the algorithm's */
	size_t vocab_size;
};

/* NULL: the kind does not go with the cleaning. */
static const struct tokenizer_algorithm *choose(const struct tokenizer_config *config)
{
	bool is_clips =
	    config->cleaning == TEXT_CLEANING_HUGGINGFACE || config->cleaning == TEXT_CLEANING_OPENCLIP;
	if (is_clips != (config->kind == TOKENIZER_CLIP))
		return NULL;
	if (config->cleaning == TEXT_CLEANING_SIGLIP)
		return config->kind == TOKENIZER_SENTENCEPIECE ? &tokenizer_siglip : NULL;
	return is_clips ? &tokenizer_clip : &tokenizer_pipeline;
}

clipcls_status tokenizer_new(struct tokenizer **out, const struct tokenizer_files *files,
                             const struct tokenizer_config *config, size_t vocab_size,
                             clipcls_error *error)
{
	*out = NULL;
	const struct tokenizer_algorithm *algorithm = choose(config);
	if (algorithm == NULL)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "a tokenizer of kind %d has no cleaning %d",
		                 (int)config->kind, (int)config->cleaning);
	struct tokenizer *tokenizer = memory_new(1, sizeof *tokenizer);
	if (tokenizer == NULL)
		return error_memory(error);
	tokenizer->algorithm = algorithm;
	tokenizer->vocab_size = vocab_size;
	clipcls_status status = algorithm->create(&tokenizer->model, files, config, vocab_size, error);
	if (status != CLIPCLS_OK) {
		tokenizer_free(tokenizer);
		return status;
	}
	*out = tokenizer;
	return CLIPCLS_OK;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
	if (tokenizer == NULL)
		return;
	tokenizer->algorithm->destroy(tokenizer->model);
	free(tokenizer);
}

clipcls_status tokenizer_encode(const struct tokenizer *tokenizer, int32_t *ids, size_t *count,
                                const char *text, size_t n, size_t context_length,
                                clipcls_error *error)
{
	if (context_length < 2)
		return error_set(error, CLIPCLS_ERR_ARGUMENT,
		                 "context_length %zu has no room for start and end", context_length);
	if (!utf8_valid(text, n))
		return error_set(error, CLIPCLS_ERR_FORMAT, "a prompt is not UTF-8");
	clipcls_status status =
	    tokenizer->algorithm->encode(tokenizer->model, ids, count, text, n, context_length, error);
	/* Tokens beyond the embeddings are no fault of a file: many list some that no text has. */
	for (size_t i = 0; status == CLIPCLS_OK && i < *count; i++)
		if ((size_t)ids[i] >= tokenizer->vocab_size)
			status = error_set(error, CLIPCLS_ERR_FORMAT,
			                   "a prompt has the token %d, beyond the text tower's vocab_size %zu",
			                   (int)ids[i], tokenizer->vocab_size);
	return status;
}
