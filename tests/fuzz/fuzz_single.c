/* The project's own single file: metadata, config, checksums, the files that ride along. */
#include "fuzz.h"

#include "model/checkpoint.h"
#include "model/single.h"

static void read_config(const uint8_t *data, size_t size)
{
	struct model_config config;
	clipcls_error error = { 0 };
	char *text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	fuzz_check(single_config_read(&config, text, "input", &error), &error);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct checkpoint *checkpoint = NULL;
	clipcls_error error = { 0 };
	if (size > 0 && data[0] == '{')
		read_config(data, size);
	uint8_t *copy = fuzz_copy(data, size);
	fuzz_check(checkpoint_open_memory(&checkpoint, copy, size, "input", &error), &error);
	checkpoint_free(checkpoint);
	free(copy);
	return 0;
}
