/* A safetensors header and what it says of the bytes behind it */
#include "fuzz.h"

#include "model/safetensors.h"

FUZZ_MUTATOR(mutate_safetensors)

static volatile unsigned char touched;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct safetensors *file = NULL;
	clipcls_error error = { 0 };
	uint8_t *copy = fuzz_copy(data, size);
	clipcls_status status = safetensors_open_memory(&file, copy, size, "input", &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK)
		fuzz_good(data, size);
	for (size_t i = 0; status == CLIPCLS_OK && i < safetensors_count(file); i++) {
		const struct safetensors_tensor *tensor = safetensors_at(file, i);
		if (safetensors_find(file, tensor->name) != tensor)
			abort();
		if (tensor->bytes > 0)
			touched = (unsigned char)(tensor->data[0] + tensor->data[tensor->bytes - 1]);
	}
	safetensors_free(file);
	free(copy);
	return 0;
}
