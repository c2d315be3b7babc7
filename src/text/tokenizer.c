/* Text -> ids: cut at special tokens, clean, split into words, encode each. */
#include "text/tokenizer.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/bpe.h"
#include "text/clean.h"
#include "text/scan.h"
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

struct tokenizer {
	struct vocabulary *vocabulary;
	enum text_cleaning reference;
};

/* One text on its way. */
struct encoding {
	const struct tokenizer *tokenizer;
	struct bpe bpe;
	struct buffer clean;
	int32_t *ids;
	size_t count, capacity; /* capacity leaves room for the end token */
	clipcls_error *error;
};

clipcls_status tokenizer_new(struct tokenizer **out, const struct tokenizer_files *files,
                             const struct tokenizer_config *config, size_t vocab_size,
                             clipcls_error *error)
{
	*out = NULL;
	struct tokenizer *tokenizer = memory_new(1, sizeof *tokenizer);
	if (tokenizer == NULL)
		return error_memory(error);
	tokenizer->reference = config->cleaning;
	clipcls_status status = vocabulary_load(&tokenizer->vocabulary, files, vocab_size, error);
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
	vocabulary_free(tokenizer->vocabulary);
	free(tokenizer);
}

static void append_id(struct encoding *encoding, int32_t id)
{
	if (encoding->count < encoding->capacity)
		encoding->ids[encoding->count++] = id;
}

/* The ids of one stretch of text. */
static clipcls_status encode_stretch(struct encoding *encoding, const char *text, size_t n)
{
	const struct vocabulary *vocabulary = encoding->tokenizer->vocabulary;
	clipcls_status status = CLIPCLS_OK;
	buffer_clear(&encoding->clean);
	switch (encoding->tokenizer->reference) {
	case TEXT_CLEANING_HUGGINGFACE: clean_huggingface(&encoding->clean, text, n); break;
	case TEXT_CLEANING_OPENCLIP: clean_openclip(&encoding->clean, text, n); break;
	}
	if (encoding->clean.failed)
		return error_memory(encoding->error);
	struct scanner scanner = { .text = encoding->clean.bytes,
		                       .size = encoding->clean.size,
		                       .reference = encoding->tokenizer->reference };
	struct piece piece;
	while (status == CLIPCLS_OK && encoding->count < encoding->capacity &&
	       scanner_next(&scanner, &piece)) {
		switch (piece.kind) {
		case PIECE_START_TOKEN: append_id(encoding, vocabulary_start_id(vocabulary)); break;
		case PIECE_END_TOKEN: append_id(encoding, vocabulary_end_id(vocabulary)); break;
		case PIECE_WORD:
			status = bpe_encode(&encoding->bpe, encoding->ids, &encoding->count, encoding->capacity,
			                    vocabulary, piece.text, piece.size, encoding->error);
			break;
		}
	}
	return status;
}

/* transformers cuts special tokens out of the raw text, and treats what lies between them as texts
 * of their own. */
static clipcls_status encode_around_special(struct encoding *encoding, const char *text, size_t n)
{
	const struct vocabulary *vocabulary = encoding->tokenizer->vocabulary;
	const char *start = special_start_token(TEXT_CLEANING_HUGGINGFACE);
	const char *end = special_end_token(TEXT_CLEANING_HUGGINGFACE);
	clipcls_status status = CLIPCLS_OK;
	while (n > 0 && status == CLIPCLS_OK && encoding->count < encoding->capacity) {
		const char *next_start = memmem(text, n, start, strlen(start));
		const char *next_end = memmem(text, n, end, strlen(end));
		bool is_start = next_start != NULL && (next_end == NULL || next_start < next_end);
		const char *next = is_start ? next_start : next_end;
		size_t stretch = next != NULL ? (size_t)(next - text) : n;
		if (stretch > 0)
			status = encode_stretch(encoding, text, stretch);
		if (next == NULL)
			break;
		append_id(encoding,
		          is_start ? vocabulary_start_id(vocabulary) : vocabulary_end_id(vocabulary));
		size_t used = stretch + strlen(is_start ? start : end);
		text += used;
		n -= used;
	}
	return status;
}

clipcls_status tokenizer_encode(const struct tokenizer *tokenizer, int32_t *ids, size_t *count,
                                const char *text, size_t n, size_t context_length,
                                clipcls_error *error)
{
	clipcls_status status;
	if (context_length < 2)
		return error_set(error, CLIPCLS_ERR_ARGUMENT,
		                 "context_length %zu has no room for start and end", context_length);
	if (!utf8_valid(text, n))
		return error_set(error, CLIPCLS_ERR_FORMAT, "a prompt is not UTF-8");
	struct encoding encoding = {
		.tokenizer = tokenizer, .ids = ids, .capacity = context_length - 1, .error = error
	};
	append_id(&encoding, vocabulary_start_id(tokenizer->vocabulary));
	if (tokenizer->reference == TEXT_CLEANING_HUGGINGFACE)
		status = encode_around_special(&encoding, text, n);
	else
		status = encode_stretch(&encoding, text, n);
	ids[encoding.count] = vocabulary_end_id(tokenizer->vocabulary);
	*count = encoding.count + 1;
	bpe_free(&encoding.bpe);
	buffer_free(&encoding.clean);
	return status;
}
