/* A tokenizer.json or vocab.txt of a tokenizer that is not CLIP's; then a text
 *
 * The two have a NUL between them. */
#include "fuzz.h"

#include "text/tokenizer.h"

#define CONTEXT 16

FUZZ_MUTATOR(mutate_texts)

static bool encode(const struct tokenizer_files *files, const struct tokenizer_config *config,
                   const struct fuzz_part *text)
{
	static const char usual[] = "A photo of a caf\xc3\xa9, <b>isn't</b> 42 \xe4\xb8\xad </s>[SEP]?";
	struct tokenizer *tokenizer = NULL;
	clipcls_error error = { 0 };
	clipcls_status status = tokenizer_new(&tokenizer, files, config, 1000, &error);
	fuzz_check(status, &error);
	bool good = status == CLIPCLS_OK;
	for (int i = 0; i < 2 && good; i++) {
		int32_t ids[CONTEXT];
		size_t count = 0;
		status =
		    tokenizer_encode(tokenizer, ids, &count, i == 0 ? usual : (const char *)text->bytes,
		                     i == 0 ? sizeof usual - 1 : text->size, CONTEXT, &error);
		fuzz_check(status, &error);
		if (status == CLIPCLS_OK && count > CONTEXT)
			abort();
	}
	tokenizer_free(tokenizer);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tokenizer_config configs[] = {
		{ TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE, false },
		{ TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_LOWER, false },
		{ TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_OPENCLIP_CANONICALIZE, false },
		{ TOKENIZER_WORDPIECE, TEXT_CLEANING_OPENCLIP_WHITESPACE, true },
		{ TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE, false },
	};
	const size_t n = sizeof configs / sizeof *configs;
	const uint8_t *rest = data;
	size_t rest_size = size;
	bool good = false;
	struct fuzz_part file = fuzz_next_part(&rest, &rest_size);
	struct fuzz_part text = fuzz_next_part(&rest, &rest_size);
	char *copy = (char *)fuzz_copy(file.bytes, file.size);
	for (size_t i = 0; i <= n; i++) {
		struct tokenizer_files files = { .path = "input" };
		if (i < n) {
			files.tokenizer_json = copy;
			files.tokenizer_json_size = file.size;
		} else {
			files.vocab_txt = copy;
			files.vocab_txt_size = file.size;
		}
		good |= encode(&files, &configs[i < n ? i : n - 1], &text);
	}
	if (good)
		fuzz_good(data, size);
	free(copy);
	return 0;
}
