/* A SentencePiece model, and texts through it */
#include "fuzz.h"

#include "text/tokenizer.h"

#define CONTEXT 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[] = { "", "A photo of a caf\xc3\xa9, isn't </s> it <unk> ?",
		                                 "\xef\xbc\xa1 \xef\xac\x81\xcc\x81 \xe4\xb8\xad" };
	struct tokenizer_files files = { .path = "input" };
	const struct tokenizer_config config = { .kind = TOKENIZER_SENTENCEPIECE,
		                                     .cleaning = TEXT_CLEANING_SIGLIP };
	struct tokenizer *tokenizer = NULL;
	clipcls_error error = { 0 };
	char *copy = (char *)fuzz_copy(data, size);
	files.spiece = copy;
	files.spiece_size = size;
	clipcls_status status = tokenizer_new(&tokenizer, &files, &config, 1000, &error);
	fuzz_check(status, &error);
	for (size_t i = 0; i < sizeof texts / sizeof *texts && tokenizer != NULL; i++) {
		int32_t ids[CONTEXT];
		size_t count = 0;
		status =
		    tokenizer_encode(tokenizer, ids, &count, texts[i], strlen(texts[i]), CONTEXT, &error);
		fuzz_check(status, &error);
		if (status == CLIPCLS_OK && (count < 1 || count > CONTEXT))
			abort();
	}
	tokenizer_free(tokenizer);
	free(copy);
	return 0;
}
