/* A safetensors header and what it says of the bytes behind it */
#include "fuzz.h"
#include "tensors.h"

FUZZ_MUTATOR(mutate_safetensors)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct safetensors *file = NULL;
	clipcls_error error = { 0 };
	uint8_t *copy = fuzz_copy(data, size);
	clipcls_status status = safetensors_open_memory(&file, copy, size, "input", &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK) {
		fuzz_good(data, size);
		fuzz_read_tensors(file);
	}
	safetensors_free(file);
	free(copy);
	return 0;
}
