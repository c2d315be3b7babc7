/* Config files of model directories, Hugging Face's and OpenCLIP's
 *
 * An input is texts with a NUL between them: config.json, which is open_clip_config.json as well,
 * preprocessor_config.json, processor_config.json. A file of no bytes is not there. The directory
 * has no weights, so that a good config ends in an error, too. */
#include "fuzz.h"

#include "model/checkpoint.h"

#define DIRECTORY "input"

FUZZ_MUTATOR(mutate_texts)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { DIRECTORY "/config.json",
		                                 DIRECTORY "/preprocessor_config.json",
		                                 DIRECTORY "/processor_config.json" };
	static const char *const layouts[] = { "huggingface", "openclip" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct fuzz_part part = fuzz_next_part(&data, &size);
		if (part.size == 0)
			continue;
		fuzz_files_add(paths[i], part.bytes, part.size);
		if (i == 0)
			fuzz_files_add(DIRECTORY "/open_clip_config.json", part.bytes, part.size);
	}
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		struct checkpoint *checkpoint = NULL;
		clipcls_error error = { 0 };
		clipcls_status status = checkpoint_open(&checkpoint, DIRECTORY, layouts[i], &error);
		fuzz_check(status, &error);
		if (status == CLIPCLS_OK)
			abort();
	}
	fuzz_files_clear();
	return 0;
}
