/* CLIP's words: one symbol for each byte. */
#include "text/bpe_merge.h"

#include "base/utf8.h"

/* Writes the word with one code point for each byte, and the mark of its end. */
static bool write_word(struct bpe *bpe, const char *text, size_t n)
{
	buffer_clear(&bpe->word);
	for (size_t i = 0; i < n; i++)
		buffer_code_point(&bpe->word, vocabulary_code_point((unsigned char)text[i]));
	buffer_text(&bpe->word, WORD_END);
	return !bpe->word.failed;
}

/* One symbol for each byte; the last one has the end mark, too. */
static bool split_word(struct bpe *bpe, size_t n)
{
	size_t at = 0;
	uint32_t c;
	if (!bpe_make_room(bpe, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t length = i + 1 < n ? utf8_decode(&c, bpe->word.bytes + at, bpe->word.size - at)
		                          : bpe->word.size - at;
		bpe->symbols[i] = (struct symbol){ .start = at, .length = length };
		at += length;
	}
	return true;
}

/* A byte that is no token becomes the end token, as transformers' unk_token does. */
static int32_t symbol_id(const struct bpe *bpe, const struct vocabulary *vocabulary,
                         const struct symbol *symbol)
{
	size_t token;
	if (!vocabulary_find(vocabulary, bpe->word.bytes + symbol->start, symbol->length, &token))
		return vocabulary_end_id(vocabulary);
	return vocabulary_id(vocabulary, token);
}

clipcls_status bpe_encode(struct bpe *bpe, int32_t *ids, size_t *count, size_t capacity,
                          const struct vocabulary *vocabulary, const char *text, size_t n,
                          clipcls_error *error)
{
	size_t token = 0;
	enum token_whole whole = TOKEN_WHOLE_NO;
	if (*count >= capacity)
		return CLIPCLS_OK;
	if (!write_word(bpe, text, n))
		return error_memory(error);
	/* Most words are one token: no need to merge them anew each time. */
	if (vocabulary_find(vocabulary, bpe->word.bytes, bpe->word.size, &token))
		whole = vocabulary_whole(vocabulary, token);
	else
		token = SIZE_MAX;
	if (whole == TOKEN_WHOLE_YES) {
		ids[(*count)++] = vocabulary_id(vocabulary, token);
		return CLIPCLS_OK;
	}
	if (!split_word(bpe, n))
		return error_memory(error);
	bpe_merge(bpe, vocabulary, n);
	if (token != SIZE_MAX)
		vocabulary_set_whole(vocabulary, token,
		                     bpe->symbols[0].next == NO_SYMBOL ? TOKEN_WHOLE_YES : TOKEN_WHOLE_NO);
	for (size_t i = 0; i != NO_SYMBOL && *count < capacity; i = bpe->symbols[i].next)
		ids[(*count)++] = symbol_id(bpe, vocabulary, &bpe->symbols[i]);
	return CLIPCLS_OK;
}
