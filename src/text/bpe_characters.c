#include "text/bpe_characters.h"

#include "base/utf8.h"
#include "text/bpe_merge.h"

#include <stdio.h>

void bpe_characters_free(struct bpe_characters *model)
{
	vocabulary_free(model->vocabulary);
	model->vocabulary = NULL;
}

bool bpe_characters_find_bytes(struct bpe_characters *model)
{
	for (unsigned i = 0; i < 256; i++) {
		char text[8];
		size_t token;
		int n = snprintf(text, sizeof text, "<0x%02X>", i);
		if (!vocabulary_find(model->vocabulary, text, (size_t)n, &token))
			return false;
		model->byte_ids[i] = vocabulary_id(model->vocabulary, token);
	}
	return true;
}

/* One symbol for each character, or for each byte of one that is no token. Returns how many. */
static size_t split_text(struct bpe *bpe, const struct bpe_characters *model, size_t n)
{
	struct symbol *symbols = bpe->symbols;
	size_t count = 0, token;
	bool after_unknown = false;
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, bpe->word.bytes + i, n - i);
		bool known = vocabulary_find(model->vocabulary, bpe->word.bytes + i, length, &token);
		if (known) {
			symbols[count++] = (struct symbol){ .start = i, .length = length };
		} else if (model->byte_fallback) {
			for (size_t k = 0; k < length; k++)
				symbols[count++] = (struct symbol){
					.start = i + k,
					.length = 1,
					.is_fixed = true,
					.id = model->byte_ids[(unsigned char)bpe->word.bytes[i + k]],
				};
		} else if (model->fuse_unk && after_unknown) {
			symbols[count - 1].length += length;
		} else if (model->unk_id >= 0) {
			symbols[count++] = (struct symbol){
				.start = i, .length = length, .is_fixed = true, .id = model->unk_id
			};
		}
		after_unknown = !known && model->unk_id >= 0;
		i += length;
	}
	return count;
}

clipcls_status bpe_characters_encode(struct bpe *scratch, struct id_list *out,
                                     const struct bpe_characters *model, const char *text, size_t n,
                                     clipcls_error *error)
{
	size_t token;
	buffer_clear(&scratch->word);
	buffer_append(&scratch->word, text, n);
	if (scratch->word.failed || !bpe_make_room(scratch, n))
		return error_memory(error);
	size_t count = split_text(scratch, model, n);
	bpe_merge(scratch, model->vocabulary, count);
	for (size_t i = 0; count > 0 && i != NO_SYMBOL; i = scratch->symbols[i].next) {
		const struct symbol *symbol = &scratch->symbols[i];
		if (symbol->is_fixed)
			id_list_add(out, symbol->id);
		else if (vocabulary_find(model->vocabulary, scratch->word.bytes + symbol->start,
		                         symbol->length, &token))
			id_list_add(out, vocabulary_id(model->vocabulary, token));
	}
	return out->failed ? error_memory(error) : CLIPCLS_OK;
}
