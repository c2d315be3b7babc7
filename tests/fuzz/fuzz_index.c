/* Index files of pictures' embeddings */
#include "fuzz.h"

#include "clipcls.h"

#define PATH "input"

FUZZ_MUTATOR(mutate_safetensors)

static void look_up(clipcls_index *index, size_t i, const char *path)
{
	clipcls_error error = { 0 };
	size_t place = 0;
	int found = 0;
	clipcls_status status = clipcls_index_find(&found, &place, index, path, &error);
	/* A path that stands twice is found at its first place. */
	if (status != CLIPCLS_OK || !found || place > i ||
	    strcmp(clipcls_index_entry(index, place).path, path) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static clipcls_model *model;
	clipcls_index *index = NULL;
	clipcls_error error = { 0 };
	if (model == NULL && clipcls_model_open(&model, NULL, NULL, &error) != CLIPCLS_OK)
		abort();
	fuzz_files_add(PATH, data, size);
	clipcls_status status = clipcls_index_open(&index, PATH, &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK)
		fuzz_good(data, size);
	for (size_t i = 0; status == CLIPCLS_OK && i < clipcls_index_count(index); i++) {
		clipcls_entry entry = clipcls_index_entry(index, i);
		if (strlen(entry.path) > size)
			abort();
		if (i < 10)
			look_up(index, i, entry.path);
	}
	if (status == CLIPCLS_OK)
		fuzz_check(clipcls_index_check(index, model, &error), &error);
	clipcls_index_free(index);
	fuzz_files_clear();
	return 0;
}
