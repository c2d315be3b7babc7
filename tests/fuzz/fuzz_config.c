/* Config files of model directories, Hugging Face's and OpenCLIP's
 *
 * An input is texts with a NUL between them: config.json or, where it has OpenCLIP's "model_cfg",
 * open_clip_config.json; preprocessor_config.json, processor_config.json. A file of no bytes is not
 * there. The directory has no weights, so that a good config ends in an error, too. */
#include "fuzz.h"

#include "model/checkpoint.h"

#define DIRECTORY "input"

FUZZ_MUTATOR(mutate_texts)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { DIRECTORY "/config.json",
		                                 DIRECTORY "/preprocessor_config.json",
		                                 DIRECTORY "/processor_config.json" };
	const uint8_t *input = data;
	size_t input_size = size;
	struct checkpoint *checkpoint = NULL;
	clipcls_error error = { 0 };
	bool openclip = false;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct fuzz_part part = fuzz_next_part(&data, &size);
		if (i == 0)
			openclip = memmem(part.bytes, part.size, "model_cfg", 9) != NULL;
		if (part.size > 0)
			fuzz_files_add(i == 0 && openclip ? DIRECTORY "/open_clip_config.json" : paths[i],
			               part.bytes, part.size);
	}
	clipcls_status status =
	    checkpoint_open(&checkpoint, DIRECTORY, openclip ? "openclip" : "huggingface", &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK)
		abort();
	if (status == CLIPCLS_ERR_IO) /* no weights, and nothing wrong before them */
		fuzz_good(input, input_size);
	fuzz_files_clear();
	return 0;
}
