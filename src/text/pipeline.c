/* See pipeline.h. Where transformers builds a normalizer and a pre-tokenizer of its own around a
 * file's vocabulary (T5Tokenizer, XLMRobertaTokenizer, Siglip2Tokenizer, BertTokenizer do), it is
 * these that a text goes through here; pipeline_parts.c refuses a file that means others. */
#include "text/pipeline.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/clean.h"
#include "text/tokenizer_algorithm.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

#define UNDERLINE "\xe2\x96\x81" /* U+2581 */

/* One text on its way. */
struct encoding {
	const struct pipeline *pipeline;
	struct unigram_scratch unigram;
	struct bpe bpe;
	struct buffer clean, normal, word;
	struct id_list ids;
	size_t limit; /* what follows this many ids would be cut off */
	clipcls_error *error;
};

void pipeline_free(struct pipeline *pipeline)
{
	if (pipeline == NULL)
		return;
	unigram_free(&pipeline->unigram);
	bpe_characters_free(&pipeline->bpe);
	pieces_free(&pipeline->wordpiece.pieces);
	charsmap_free(pipeline->charsmap);
	pieces_free(&pipeline->raw_tokens);
	pieces_free(&pipeline->normalized_tokens);
	free(pipeline);
}

/* ---- normalizers ---------------------------------------------------------------------------- */

/* Lower case if it is asked for, and U+2581 for spaces. */
static void normalize_bpe(struct buffer *out, const struct pipeline *pipeline, const char *text,
                          size_t n)
{
	struct buffer lower = { 0 };
	if (pipeline->lower) {
		unicode_lower_chars(&lower, text, n);
		text = lower.bytes;
		n = lower.size;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] == ' ')
			buffer_text(out, UNDERLINE);
		else
			buffer_byte(out, text[i]);
	}
	out->failed |= lower.failed;
	buffer_free(&lower);
}

void pipeline_normalize(struct buffer *out, const struct pipeline *pipeline, const char *text,
                        size_t n)
{
	switch (pipeline->model) {
	case PIPELINE_UNIGRAM: charsmap_graphemes(out, pipeline->charsmap, text, n); break;
	case PIPELINE_BPE: normalize_bpe(out, pipeline, text, n); break;
	case PIPELINE_WORDPIECE: wordpiece_normalize(out, &pipeline->bert, text, n); break;
	}
}

/* ---- models --------------------------------------------------------------------------------- */

/* One word of Metaspace's: it starts with U+2581, and every further one starts a part. */
static clipcls_status encode_unigram_word(struct encoding *encoding, const char *text, size_t n)
{
	struct buffer *word = &encoding->word;
	const size_t mark = sizeof UNDERLINE - 1;
	clipcls_status status = CLIPCLS_OK;
	buffer_clear(word);
	if (n < mark || memcmp(text, UNDERLINE, mark) != 0)
		buffer_text(word, UNDERLINE);
	buffer_append(word, text, n);
	if (word->failed)
		return error_memory(encoding->error);
	for (size_t start = 0; start < word->size && status == CLIPCLS_OK;) {
		const char *next = NULL;
		if (word->size - start > mark)
			next = memmem(word->bytes + start + mark, word->size - start - mark, UNDERLINE, mark);
		size_t end = next != NULL ? (size_t)(next - word->bytes) : word->size;
		if (encoding->ids.count < encoding->limit)
			status =
			    unigram_encode(&encoding->unigram, &encoding->ids, &encoding->pipeline->unigram,
			                   word->bytes + start, end - start, encoding->error);
		start = end;
	}
	return status;
}

/* WhitespaceSplit, Metaspace. */
static clipcls_status encode_unigram(struct encoding *encoding, const char *text, size_t n)
{
	clipcls_status status = CLIPCLS_OK;
	size_t word = 0;
	uint32_t c;
	for (size_t i = 0; i < n && status == CLIPCLS_OK && encoding->ids.count < encoding->limit;) {
		size_t length = utf8_decode(&c, text + i, n - i);
		if (unicode_is_space(c)) {
			if (i > word)
				status = encode_unigram_word(encoding, text + word, i - word);
			word = i + length;
		}
		i += length;
	}
	if (word < n && status == CLIPCLS_OK)
		status = encode_unigram_word(encoding, text + word, n - word);
	return status;
}

static clipcls_status encode_normal(struct encoding *encoding, const char *text, size_t n)
{
	const struct pipeline *pipeline = encoding->pipeline;
	if (n == 0 || encoding->ids.count >= encoding->limit)
		return CLIPCLS_OK;
	switch (pipeline->model) {
	case PIPELINE_UNIGRAM: return encode_unigram(encoding, text, n);
	case PIPELINE_BPE:
		return bpe_characters_encode(&encoding->bpe, &encoding->ids, &pipeline->bpe, text, n,
		                             encoding->error);
	case PIPELINE_WORDPIECE:
		return wordpiece_encode(&encoding->word, &encoding->ids, &pipeline->wordpiece, text, n,
		                        encoding->limit, encoding->error);
	}
	return CLIPCLS_OK;
}

/* ---- added tokens --------------------------------------------------------------------------- */

static size_t spaces_at_end(const char *text, size_t n)
{
	size_t spaces = 0;
	while (spaces < n) {
		uint32_t c;
		size_t start = n - spaces - 1;
		while (start > 0 && ((unsigned char)text[start] & 0xc0) == 0x80)
			start--;
		utf8_decode(&c, text + start, n - spaces - start);
		if (!unicode_is_space(c))
			break;
		spaces = n - start;
	}
	return spaces;
}

static size_t spaces_at_start(const char *text, size_t n)
{
	size_t i = 0;
	uint32_t c;
	while (i < n) {
		size_t length = utf8_decode(&c, text + i, n - i);
		if (!unicode_is_space(c))
			break;
		i += length;
	}
	return i;
}

typedef clipcls_status encode_part(struct encoding *encoding, const char *text, size_t n);

/* Cuts the tokens out of a text, the leftmost and of these the longest, and gives what lies between
 * to `part`. */
static clipcls_status encode_around(struct encoding *encoding, const struct pieces *tokens,
                                    encode_part *part, const char *text, size_t n)
{
	clipcls_status status = CLIPCLS_OK;
	size_t done = 0; /* bytes that are tokens or went to `part` */
	for (size_t i = 0; i < n && status == CLIPCLS_OK && encoding->ids.count < encoding->limit;) {
		const struct piece *token = pieces_longest(tokens, text + i, n - i);
		if (token == NULL) {
			i++;
			while (i < n && ((unsigned char)text[i] & 0xc0) == 0x80)
				i++;
			continue;
		}
		size_t start = i;
		i += token->length;
		if ((token->flags & ADDED_LSTRIP) != 0 && start > done)
			start -= spaces_at_end(text + done, start - done);
		if (start > done)
			status = part(encoding, text + done, start - done);
		id_list_add(&encoding->ids, token->id);
		done = i;
		if ((token->flags & ADDED_RSTRIP) != 0)
			done += spaces_at_start(text + i, n - i);
		i = size_max(i, done);
	}
	if (status == CLIPCLS_OK && done < n)
		status = part(encoding, text + done, n - done);
	return status;
}

static clipcls_status encode_stretch(struct encoding *encoding, const char *text, size_t n)
{
	buffer_clear(&encoding->normal);
	pipeline_normalize(&encoding->normal, encoding->pipeline, text, n);
	if (encoding->normal.failed)
		return error_memory(encoding->error);
	return encode_around(encoding, &encoding->pipeline->normalized_tokens, encode_normal,
	                     encoding->normal.bytes, encoding->normal.size);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void clean(struct buffer *out, const struct pipeline *pipeline, const char *text, size_t n)
{
	switch (pipeline->cleaning) {
	case TEXT_CLEANING_OPENCLIP_WHITESPACE: clean_openclip_whitespace(out, text, n); break;
	case TEXT_CLEANING_OPENCLIP_LOWER: clean_openclip_lower(out, text, n); break;
	case TEXT_CLEANING_OPENCLIP_CANONICALIZE: clean_openclip_canonicalize(out, text, n); break;
	case TEXT_CLEANING_NONE:
	case TEXT_CLEANING_LOWER: /* later, when the added tokens are out */
	case TEXT_CLEANING_SIGLIP:
	case TEXT_CLEANING_HUGGINGFACE:
	case TEXT_CLEANING_OPENCLIP: buffer_append(out, text, n); break;
	}
}

/* The template's tokens around the ids, which are cut for them; when the context is shorter than
 * these, so are they. */
static size_t put_around(int32_t *ids, const struct encoding *encoding, size_t context_length)
{
	const struct pipeline *pipeline = encoding->pipeline;
	size_t around = pipeline->n_before + pipeline->n_after, count = 0;
	size_t room = context_length > around ? context_length - around : 0;
	size_t inner = size_min(encoding->ids.count, room);
	for (size_t i = 0; i < pipeline->n_before && count < context_length; i++)
		ids[count++] = pipeline->before[i];
	for (size_t i = 0; i < inner; i++)
		ids[count++] = encoding->ids.ids[i];
	for (size_t i = 0; i < pipeline->n_after && count < context_length; i++)
		ids[count++] = pipeline->after[i];
	if (pipeline->strip_sep_token && pipeline->n_after > 0) {
		int32_t sep = pipeline->after[pipeline->n_after - 1];
		for (size_t i = 0; i < count; i++)
			ids[i] = ids[i] == sep ? 0 : ids[i];
	}
	return count;
}

static clipcls_status encode(const void *model, int32_t *ids, size_t *count, const char *text,
                             size_t n, size_t context_length, clipcls_error *error)
{
	const struct pipeline *pipeline = model;
	struct encoding encoding = { .pipeline = pipeline, .limit = context_length, .error = error };
	clean(&encoding.clean, pipeline, text, n);
	clipcls_status status = encoding.clean.failed ? error_memory(error) : CLIPCLS_OK;
	if (status == CLIPCLS_OK)
		status = encode_around(&encoding, &pipeline->raw_tokens, encode_stretch,
		                       encoding.clean.bytes, encoding.clean.size);
	if (status == CLIPCLS_OK && encoding.ids.failed)
		status = error_memory(error);
	if (status == CLIPCLS_OK)
		*count = put_around(ids, &encoding, context_length);
	unigram_scratch_free(&encoding.unigram);
	bpe_free(&encoding.bpe);
	buffer_free(&encoding.clean);
	buffer_free(&encoding.normal);
	buffer_free(&encoding.word);
	free(encoding.ids.ids);
	return status;
}

static void destroy(void *model)
{
	pipeline_free(model);
}

static clipcls_status create(void **out, const struct tokenizer_files *files,
                             const struct tokenizer_config *config, size_t vocab_size,
                             clipcls_error *error)
{
	struct pipeline *pipeline = memory_new(1, sizeof *pipeline);
	if (pipeline == NULL)
		return error_memory(error);
	pipeline->cleaning = config->cleaning;
	pipeline->strip_sep_token = config->strip_sep_token;
	clipcls_status status;
	if (files->tokenizer_json != NULL)
		status = pipeline_read_json(pipeline, files, config->kind, vocab_size, error);
	else if (files->vocab_txt != NULL && config->kind == TOKENIZER_WORDPIECE)
		status = pipeline_read_vocab_txt(pipeline, files, error);
	else if (files->spiece != NULL)
		status = error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                   "%s: not supported: a SentencePiece model without tokenizer.json",
		                   files->path);
	else
		status =
		    error_set(error, CLIPCLS_ERR_FORMAT, "%s: there is no tokenizer.json", files->path);
	if (status != CLIPCLS_OK) {
		pipeline_free(pipeline);
		return status;
	}
	*out = pipeline;
	return CLIPCLS_OK;
}

const struct tokenizer_algorithm tokenizer_pipeline = { create, destroy, encode };
