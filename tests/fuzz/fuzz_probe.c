/* Probe files: a trained classifier's weights, biases and class names */
#include "fuzz.h"

#include "clipcls.h"

#define PATH "input"

FUZZ_MUTATOR(mutate_safetensors)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static clipcls_model *model;
	clipcls_probe *probe = NULL;
	clipcls_error error = { 0 };
	if (model == NULL && clipcls_model_open(&model, NULL, NULL, &error) != CLIPCLS_OK)
		abort();
	fuzz_files_add(PATH, data, size);
	clipcls_status status = clipcls_probe_open(&probe, model, PATH, &error);
	fuzz_check(status, &error);
	if ((status == CLIPCLS_OK) != (probe != NULL))
		abort();
	if (status == CLIPCLS_OK)
		fuzz_good(data, size);
	clipcls_probe_free(probe);
	fuzz_files_clear();
	return 0;
}
