/* Any text through CLIP's own tokenizer, with each way of cleaning */
#include "fuzz.h"

#include "text/tokenizer.h"

#define CONTEXT 77

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tokenizer *tokenizers[2];
	static const struct tokenizer_files builtin = { 0 };
	clipcls_error error = { 0 };
	char *copy = (char *)fuzz_copy(data, size);
	for (int i = 0; i < 2; i++) {
		const struct tokenizer_config config = { .cleaning = (enum text_cleaning)i };
		int32_t ids[CONTEXT];
		size_t count = 0;
		if (tokenizers[i] == NULL &&
		    tokenizer_new(&tokenizers[i], &builtin, &config, 49408, &error) != CLIPCLS_OK)
			abort();
		clipcls_status status =
		    tokenizer_encode(tokenizers[i], ids, &count, copy, size, CONTEXT, &error);
		fuzz_check(status, &error);
		if (status == CLIPCLS_OK && (count < 2 || count > CONTEXT || ids[0] != 49406))
			abort();
	}
	free(copy);
	return 0;
}
