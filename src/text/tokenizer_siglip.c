/* transformers' SiglipTokenizer: spiece.model behind a cleaning of its own.
 *
 * It cuts the two special tokens out of the raw text, cleans what lies between, and has
 * SentencePiece encode "<unk>" with each part behind it, of which it drops as many tokens as
 * "<unk>" alone has: so the dummy prefix does not go before the part. The text as a whole gets a
 * U+2581 instead. */
#include "text/tokenizer_algorithm.h"

#include "base/checked.h"
#include "base/memory.h"
#include "text/clean.h"
#include "text/sentencepiece_model.h"

#include <stdlib.h>
#include <string.h>

#define UNDERLINE "\xe2\x96\x81"
#define UNK_TOKEN "<unk>"
#define END_TOKEN "</s>"

struct siglip {
	struct sentencepiece_model model;
	int32_t end_id, unk_id;
	int32_t underline_id;    /* -1 = no piece */
	size_t unk_token_length; /* tokens that "<unk>" takes as text */
};

/* One text on its way. */
struct encoding {
	const struct siglip *siglip;
	struct unigram_scratch scratch;
	struct buffer clean, normal;
	struct id_list ids, part;
	clipcls_error *error;
};

static void encoding_free(struct encoding *encoding)
{
	unigram_scratch_free(&encoding->scratch);
	buffer_free(&encoding->clean);
	buffer_free(&encoding->normal);
	free(encoding->ids.ids);
	free(encoding->part.ids);
}

/* encoding->part = the ids of "<unk>" and the text behind it. */
static clipcls_status encode_after_unk(struct encoding *encoding, const char *text, size_t n)
{
	const struct siglip *siglip = encoding->siglip;
	buffer_clear(&encoding->clean);
	buffer_clear(&encoding->normal);
	encoding->part.count = 0;
	buffer_text(&encoding->clean, UNK_TOKEN);
	clean_siglip(&encoding->clean, text, n);
	if (!encoding->clean.failed)
		sentencepiece_normalize(&encoding->normal, &siglip->model, encoding->clean.bytes,
		                        encoding->clean.size);
	if (encoding->clean.failed || encoding->normal.failed)
		return error_memory(encoding->error);
	return unigram_encode(&encoding->scratch, &encoding->part, &siglip->model.unigram,
	                      encoding->normal.bytes, encoding->normal.size, encoding->error);
}

static clipcls_status encode_part(struct encoding *encoding, const char *text, size_t n)
{
	clipcls_status status = encode_after_unk(encoding, text, n);
	size_t skipped = encoding->siglip->unk_token_length;
	if (encoding->part.count < skipped)
		skipped = 0;
	for (size_t i = skipped; i < encoding->part.count; i++)
		id_list_add(&encoding->ids, encoding->part.ids[i]);
	return status;
}

/* Ends when there are `limit` ids: what follows would be cut off. */
static clipcls_status encode_all(struct encoding *encoding, const char *text, size_t n,
                                 size_t limit)
{
	const struct siglip *siglip = encoding->siglip;
	clipcls_status status = CLIPCLS_OK;
	bool first = true;
	while (n > 0 && status == CLIPCLS_OK && encoding->ids.count < limit) {
		const char *unk = memmem(text, n, UNK_TOKEN, sizeof UNK_TOKEN - 1);
		const char *end = memmem(text, n, END_TOKEN, sizeof END_TOKEN - 1);
		bool is_unk = unk != NULL && (end == NULL || unk < end);
		const char *next = is_unk ? unk : end;
		size_t part = next != NULL ? (size_t)(next - text) : n;
		if (part > 0)
			status = encode_part(encoding, text, part);
		if (next == NULL)
			break;
		/* The U+2581 before a text that starts with a special token goes. */
		if (first && encoding->ids.count == 1 && encoding->ids.ids[0] == siglip->underline_id)
			encoding->ids.count = 0;
		first = false;
		id_list_add(&encoding->ids, is_unk ? siglip->unk_id : siglip->end_id);
		part += is_unk ? sizeof UNK_TOKEN - 1 : sizeof END_TOKEN - 1;
		text += part;
		n -= part;
	}
	return status;
}

/* U+2581 and the text, in which U+2581 is a space. */
static void prepare(struct buffer *out, const char *text, size_t n)
{
	buffer_text(out, UNDERLINE);
	while (n > 0) {
		const char *found = memmem(text, n, UNDERLINE, sizeof UNDERLINE - 1);
		size_t before = found != NULL ? (size_t)(found - text) : n;
		buffer_append(out, text, before);
		if (found == NULL)
			break;
		buffer_byte(out, ' ');
		text += before + sizeof UNDERLINE - 1;
		n -= before + sizeof UNDERLINE - 1;
	}
}

static clipcls_status encode(const void *model, int32_t *ids, size_t *count, const char *text,
                             size_t n, size_t context_length, clipcls_error *error)
{
	const struct siglip *siglip = model;
	struct encoding encoding = { .siglip = siglip, .error = error };
	struct buffer prepared = { 0 };
	prepare(&prepared, text, n);
	clipcls_status status =
	    prepared.failed ? CLIPCLS_ERR_MEMORY
	                    : encode_all(&encoding, prepared.bytes, prepared.size, context_length);
	if (status == CLIPCLS_ERR_MEMORY || encoding.ids.failed)
		status = error_memory(error);
	if (status == CLIPCLS_OK) {
		*count = size_min(encoding.ids.count, context_length - 1);
		if (*count > 0)
			memcpy(ids, encoding.ids.ids, *count * sizeof *ids);
		/* A text that ends in the end token gets no second one. */
		if (*count == 0 || ids[*count - 1] != siglip->end_id)
			ids[(*count)++] = siglip->end_id;
	}
	buffer_free(&prepared);
	encoding_free(&encoding);
	return status;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void destroy(void *model)
{
	struct siglip *siglip = model;
	if (siglip == NULL)
		return;
	sentencepiece_model_free(&siglip->model);
	free(siglip);
}

static clipcls_status find_specials(struct siglip *siglip, const char *name, clipcls_error *error)
{
	const struct pieces *pieces = &siglip->model.unigram.pieces;
	const struct piece *end = pieces_find(pieces, END_TOKEN, sizeof END_TOKEN - 1);
	const struct piece *unk = pieces_find(pieces, UNK_TOKEN, sizeof UNK_TOKEN - 1);
	const struct piece *underline = pieces_find(pieces, UNDERLINE, sizeof UNDERLINE - 1);
	if (end == NULL || unk == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: lacks the piece \"%s\"", name,
		                 end == NULL ? END_TOKEN : UNK_TOKEN);
	siglip->end_id = end->id;
	siglip->unk_id = unk->id;
	siglip->underline_id = underline != NULL ? underline->id : -1;
	struct encoding encoding = { .siglip = siglip, .error = error };
	clipcls_status status = encode_after_unk(&encoding, "", 0);
	siglip->unk_token_length = encoding.part.count;
	encoding_free(&encoding);
	return status;
}

static clipcls_status create(void **out, const struct tokenizer_files *files,
                             const struct tokenizer_config *config, size_t vocab_size,
                             clipcls_error *error)
{
	(void)config;
	(void)vocab_size;
	if (files->spiece == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: there is no spiece.model", files->path);
	struct siglip *siglip = memory_new(1, sizeof *siglip);
	if (siglip == NULL)
		return error_memory(error);
	clipcls_status status = sentencepiece_model_read(&siglip->model, files->spiece,
	                                                 files->spiece_size, files->path, error);
	if (status == CLIPCLS_OK)
		status = find_specials(siglip, files->path, error);
	if (status != CLIPCLS_OK) {
		destroy(siglip);
		return status;
	}
	*out = siglip;
	return CLIPCLS_OK;
}

const struct tokenizer_algorithm tokenizer_siglip = { create, destroy, encode };
