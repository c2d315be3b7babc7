/* A tokenizer.json, or vocab.json with merges.txt; then a text
 *
 * The two files have a NUL between them. */
#include "fuzz.h"

#include "text/tokenizer.h"

#define CONTEXT 16

FUZZ_MUTATOR(mutate_texts)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "A photo of a caf\xc3\xa9, <b>isn't</b> 42 it?";
	struct tokenizer_files files = { .path = "input" };
	struct tokenizer_config config = { 0 };
	struct tokenizer *tokenizer = NULL;
	clipcls_error error = { 0 };
	char *copy = (char *)fuzz_copy(data, size);
	const char *split = memchr(copy, '\0', size);
	if (split == NULL) {
		files.tokenizer_json = copy;
		files.tokenizer_json_size = size;
	} else {
		files.vocab = copy;
		files.vocab_size = (size_t)(split - copy);
		files.merges = split + 1;
		files.merges_size = size - files.vocab_size - 1;
	}
	clipcls_status status = tokenizer_new(&tokenizer, &files, &config, 1000, &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK) {
		fuzz_good(data, size);
		int32_t ids[CONTEXT];
		size_t count = 0;
		status = tokenizer_encode(tokenizer, ids, &count, text, sizeof text - 1, CONTEXT, &error);
		if (status == CLIPCLS_OK && (count < 2 || count > CONTEXT))
			abort();
	}
	tokenizer_free(tokenizer);
	free(copy);
	return 0;
}
