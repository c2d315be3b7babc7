/* CLIP: cut at special tokens, clean, split into words, encode each. */
#include "text/tokenizer_algorithm.h"

#include "base/memory.h"
#include "text/bpe.h"
#include "text/clean.h"
#include "text/scan.h"
#include "text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

struct clip {
	struct vocabulary *vocabulary;
	enum text_cleaning reference;
};

/* One text on its way. */
struct encoding {
	const struct clip *clip;
	struct bpe bpe;
	struct buffer clean;
	int32_t *ids;
	size_t count, capacity; /* capacity leaves room for the end token */
	clipcls_error *error;
};

static void destroy(void *model)
{
	struct clip *clip = model;
	if (clip == NULL)
		return;
	vocabulary_free(clip->vocabulary);
	free(clip);
}

static clipcls_status create(void **out, const struct tokenizer_files *files,
                             const struct tokenizer_config *config, size_t vocab_size,
                             clipcls_error *error)
{
	struct clip *clip = memory_new(1, sizeof *clip);
	if (clip == NULL)
		return error_memory(error);
	clip->reference = config->cleaning;
	clipcls_status status = vocabulary_load(&clip->vocabulary, files, vocab_size, error);
	if (status != CLIPCLS_OK) {
		destroy(clip);
		return status;
	}
	*out = clip;
	return CLIPCLS_OK;
}

static void append_id(struct encoding *encoding, int32_t id)
{
	if (encoding->count < encoding->capacity)
		encoding->ids[encoding->count++] = id;
}

/* The ids of one stretch of text. */
static clipcls_status encode_stretch(struct encoding *encoding, const char *text, size_t n)
{
	const struct vocabulary *vocabulary = encoding->clip->vocabulary;
	clipcls_status status = CLIPCLS_OK;
	buffer_clear(&encoding->clean);
	if (encoding->clip->reference == TEXT_CLEANING_HUGGINGFACE)
		clean_huggingface(&encoding->clean, text, n);
	else
		clean_openclip(&encoding->clean, text, n);
	if (encoding->clean.failed)
		return error_memory(encoding->error);
	struct scanner scanner = { .text = encoding->clean.bytes,
		                       .size = encoding->clean.size,
		                       .reference = encoding->clip->reference };
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
	const struct vocabulary *vocabulary = encoding->clip->vocabulary;
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

static clipcls_status encode(const void *model, int32_t *ids, size_t *count, const char *text,
                             size_t n, size_t context_length, clipcls_error *error)
{
	const struct clip *clip = model;
	clipcls_status status;
	struct encoding encoding = {
		.clip = clip, .ids = ids, .capacity = context_length - 1, .error = error
	};
	append_id(&encoding, vocabulary_start_id(clip->vocabulary));
	if (clip->reference == TEXT_CLEANING_HUGGINGFACE)
		status = encode_around_special(&encoding, text, n);
	else
		status = encode_stretch(&encoding, text, n);
	ids[encoding.count] = vocabulary_end_id(clip->vocabulary);
	*count = encoding.count + 1;
	bpe_free(&encoding.bpe);
	buffer_free(&encoding.clean);
	return status;
}

const struct tokenizer_algorithm tokenizer_clip = { create, destroy, encode };
