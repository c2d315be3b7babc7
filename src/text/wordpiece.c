#include "text/wordpiece.h"

#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

/* ---- normalization -------------------------------------------------------------------------- */

/* Ideographs get a space on both sides: each is a word. */
static bool is_chinese(uint32_t c)
{
	return (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x2a6df) ||
	       (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
	       (c >= 0x2f800 && c <= 0x2fa1f);
}

static void clean_characters(struct buffer *out, const struct wordpiece_normalizer *normalizer,
                             const char *text, size_t n)
{
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, text + i, n - i);
		if (normalizer->clean_text && unicode_bert_is_control(c)) {
			i += length;
			continue;
		}
		bool chinese = normalizer->handle_chinese_chars && is_chinese(c);
		if (chinese)
			buffer_byte(out, ' ');
		if (normalizer->clean_text && unicode_is_space(c) && c != 0xb && c != 0xc && c != 0x85)
			buffer_byte(out, ' ');
		else
			buffer_append(out, text + i, length);
		if (chinese)
			buffer_byte(out, ' ');
		i += length;
	}
}

static void strip_accents(struct buffer *out, const char *text, size_t n)
{
	struct buffer decomposed = { 0 };
	uint32_t c;
	unicode_decompose(&decomposed, text, n);
	for (size_t i = 0; i < decomposed.size;) {
		size_t length = utf8_decode(&c, decomposed.bytes + i, decomposed.size - i);
		if (!unicode_bert_is_accent(c))
			buffer_append(out, decomposed.bytes + i, length);
		i += length;
	}
	out->failed |= decomposed.failed;
	buffer_free(&decomposed);
}

void wordpiece_normalize(struct buffer *out, const struct wordpiece_normalizer *normalizer,
                         const char *text, size_t n)
{
	struct buffer clean = { 0 }, plain = { 0 };
	clean_characters(&clean, normalizer, text, n);
	if (normalizer->strip_accents)
		strip_accents(&plain, clean.bytes, clean.size);
	else
		buffer_append(&plain, clean.bytes, clean.size);
	if (normalizer->lowercase)
		unicode_lower_chars(out, plain.bytes, plain.size);
	else
		buffer_append(out, plain.bytes, plain.size);
	out->failed |= clean.failed || plain.failed;
	buffer_free(&clean);
	buffer_free(&plain);
}

/* ---- words ---------------------------------------------------------------------------------- */

static bool is_longer(const char *text, size_t n, size_t characters)
{
	size_t count = 0;
	for (size_t i = 0; i < n && count <= characters; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count > characters;
}

/* The word behind its prefix: scratch = prefix + word, so that a piece inside the word is looked up
 * where its prefix is written over the bytes before it. */
static void encode_word(struct buffer *scratch, struct id_list *out, const struct wordpiece *model,
                        const char *word, size_t n)
{
	size_t start = out->count, prefix = strlen(model->prefix), at = 0;
	if (is_longer(word, n, model->max_word)) {
		id_list_add(out, model->unk_id);
		return;
	}
	buffer_clear(scratch);
	buffer_append(scratch, model->prefix, prefix);
	buffer_append(scratch, word, n);
	out->failed |= scratch->failed; /* the next word forgets it */
	while (at < n && !scratch->failed) {
		char *text = scratch->bytes + at + prefix;
		size_t size = n - at, given = 0;
		if (at > 0) {
			text -= prefix;
			size += prefix;
			given = prefix;
			memcpy(text, model->prefix, prefix);
		}
		const struct piece *piece = pieces_longest(&model->pieces, text, size);
		if (piece == NULL || piece->length <= given) {
			out->count = start;
			id_list_add(out, model->unk_id);
			return;
		}
		id_list_add(out, piece->id);
		at += piece->length - given;
	}
}

clipcls_status wordpiece_encode(struct buffer *scratch, struct id_list *out,
                                const struct wordpiece *model, const char *text, size_t n,
                                size_t limit, clipcls_error *error)
{
	size_t word = 0; /* where the word began that is being read */
	uint32_t c;
	for (size_t i = 0; i < n && out->count < limit;) {
		size_t length = utf8_decode(&c, text + i, n - i);
		bool punctuation = unicode_bert_is_punctuation(c);
		if (punctuation || unicode_is_space(c)) {
			if (i > word)
				encode_word(scratch, out, model, text + word, i - word);
			if (punctuation)
				encode_word(scratch, out, model, text + i, length);
			word = i + length;
		}
		i += length;
	}
	if (word < n && out->count < limit)
		encode_word(scratch, out, model, text + word, n - word);
	return out->failed ? error_memory(error) : CLIPCLS_OK;
}
