/* CLIP's own vocabulary, built in: the merges are data, the ids follow from them. */
#include "text/builtin_data.h"
#include "text/vocabulary_build.h"

#include <string.h>

#define BUILTIN_NAME "built-in CLIP vocabulary"
#define BUILTIN_TOKENS 49408

/* The alphabet's order in CLIP's ids: printable bytes first. */
static bool is_printable(unsigned byte)
{
	return vocabulary_code_point((unsigned char)byte) == byte;
}

static void add_letter(struct vocabulary *vocabulary, unsigned byte, const char *suffix, size_t *id,
                       clipcls_status *status, clipcls_error *error)
{
	struct buffer text = { 0 };
	buffer_code_point(&text, vocabulary_code_point((unsigned char)byte));
	buffer_text(&text, suffix);
	if (*status == CLIPCLS_OK)
		*status = text.failed ? error_memory(error)
		                      : vocabulary_add(vocabulary, text.bytes, text.size, (*id)++, error);
	buffer_free(&text);
}

/* Ids 0 to 255: the bytes; 256 to 511: the same at a word's end. */
static clipcls_status add_alphabet(struct vocabulary *vocabulary, size_t *id, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	static const char *const suffixes[] = { "", WORD_END };
	for (size_t s = 0; s < 2; s++)
		for (int printable = 1; printable >= 0; printable--)
			for (unsigned byte = 0; byte < 256; byte++)
				if (is_printable(byte) == (printable == 1))
					add_letter(vocabulary, byte, suffixes[s], id, &status, error);
	return status;
}

/* Ids from 512: what each merge makes, in order. */
static clipcls_status add_merged(struct vocabulary *vocabulary, size_t *id, clipcls_error *error)
{
	struct buffer text = { 0 };
	clipcls_status status = CLIPCLS_OK;
	for (const char *line = clip_merges; status == CLIPCLS_OK && line < clip_merges_end;) {
		const char *end = memchr(line, '\n', (size_t)(clip_merges_end - line));
		const char *space = memchr(line, ' ', (size_t)(end - line));
		size_t left = (size_t)(space - line);
		buffer_clear(&text);
		buffer_append(&text, line, left);
		buffer_append(&text, space + 1, (size_t)(end - space - 1));
		status = text.failed ? error_memory(error)
		                     : vocabulary_add_merged(vocabulary, text.bytes, left, text.size,
		                                             (*id)++, error);
		line = end + 1;
	}
	buffer_free(&text);
	return status;
}

clipcls_status vocabulary_read_builtin(struct vocabulary **out, size_t vocab_size,
                                       clipcls_error *error)
{
	static const char *const special[] = { "<|startoftext|>", "<|endoftext|>" };
	const size_t alphabet_bytes = 4096; /* alphabet and special tokens */
	size_t size = (size_t)(clip_merges_end - clip_merges), id = 0;
	clipcls_status status =
	    vocabulary_new(out, BUILTIN_TOKENS, size + alphabet_bytes, vocab_size, BUILTIN_NAME, error);
	if (status == CLIPCLS_OK)
		status = add_alphabet(*out, &id, error);
	if (status == CLIPCLS_OK)
		status = add_merged(*out, &id, error);
	for (size_t i = 0; i < 2 && status == CLIPCLS_OK; i++)
		status = vocabulary_add(*out, special[i], strlen(special[i]), id++, error);
	return status;
}
