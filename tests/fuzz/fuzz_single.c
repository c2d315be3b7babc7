/* The project's own single file: metadata, config, checksums, the files that ride along */
#include "fuzz.h"

#include "model/checkpoint.h"
#include "model/single.h"

FUZZ_MUTATOR(mutate_single)

/* A config that was read and written reads as the same again. */
static void check_again(const struct model_config *config)
{
	struct model_config again;
	clipcls_error error = { 0 };
	struct buffer first = { 0 }, second = { 0 };
	single_config_write(&first, config);
	if (first.failed || single_config_read(&again, first.bytes, "input", &error) != CLIPCLS_OK)
		abort();
	single_config_write(&second, &again);
	if (second.failed || strcmp(first.bytes, second.bytes) != 0)
		abort();
	buffer_free(&first);
	buffer_free(&second);
}

static void read_config(const uint8_t *data, size_t size)
{
	struct model_config config;
	clipcls_error error = { 0 };
	char *text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	clipcls_status status = single_config_read(&config, text, "input", &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK) {
		fuzz_good(data, size);
		check_again(&config);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct checkpoint *checkpoint = NULL;
	clipcls_error error = { 0 };
	if (size > 0 && data[0] == '{')
		read_config(data, size);
	uint8_t *copy = fuzz_copy(data, size);
	clipcls_status status = checkpoint_open_memory(&checkpoint, copy, size, "input", &error);
	fuzz_check(status, &error);
	/* Weights are looked for when config, checksums and files are known to be good. */
	if (status == CLIPCLS_OK || strstr(error.message, "tensor \"text_model") != NULL)
		fuzz_good(data, size);
	checkpoint_free(checkpoint);
	free(copy);
	return 0;
}
