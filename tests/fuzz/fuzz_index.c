/* Index and probe files. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static clipcls_model *model;
	clipcls_index *index = NULL;
	clipcls_probe *probe = NULL;
	clipcls_error error = { 0 };
	char path[64];
	if (model == NULL && clipcls_model_open(&model, NULL, NULL, &error) != CLIPCLS_OK)
		abort();
	int file = fuzz_file(path, data, size);
	clipcls_status status = clipcls_index_open(&index, path, &error);
	fuzz_check(status, &error);
	for (size_t i = 0; status == CLIPCLS_OK && i < clipcls_index_count(index); i++) {
		clipcls_entry entry = clipcls_index_entry(index, i);
		size_t place = 0;
		int found = 0;
		if (strlen(entry.path) > size)
			abort();
		if (i < 10 &&
		    (clipcls_index_find(&found, &place, index, entry.path, &error) != CLIPCLS_OK || !found))
			abort();
	}
	if (status == CLIPCLS_OK)
		fuzz_check(clipcls_index_check(index, model, &error), &error);
	clipcls_index_free(index);
	fuzz_check(clipcls_probe_open(&probe, model, path, &error), &error);
	clipcls_probe_free(probe);
	fuzz_file_close(file);
	return 0;
}
