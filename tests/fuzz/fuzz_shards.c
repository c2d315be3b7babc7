/* A model in several safetensors files, and the index that says which tensor is where
 *
 * An input is texts with a NUL between them: the index, then the headers of the files a, b, c and
 * so on, each behind one byte, which is 1 more than the bytes of data in its file. */
#include "fuzz.h"
#include "tensors.h"

#include "base/buffer.h"

#define DIRECTORY "input/"
#define INDEX DIRECTORY "model.safetensors.index.json"
#define MOST_SHARDS 5

FUZZ_MUTATOR(mutate_shards)

static void add_shard(const char *path, struct fuzz_part part)
{
	struct buffer file = { 0 };
	size_t data = part.size > 0 ? part.bytes[0] - 1u : 0, length = part.size - (part.size > 0);
	for (size_t i = 0; i < 8; i++)
		buffer_byte(&file, (char)((uint64_t)length >> 8 * i));
	buffer_append(&file, part.bytes + (part.size > 0), length);
	while (data-- > 0)
		buffer_byte(&file, 'x');
	if (file.failed)
		abort();
	fuzz_files_add(path, (const uint8_t *)file.bytes, file.size);
	buffer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *input = data;
	size_t input_size = size;
	static const char *const paths[MOST_SHARDS] = { DIRECTORY "a", DIRECTORY "b", DIRECTORY "c",
		                                            DIRECTORY "d", DIRECTORY "e" };
	struct safetensors *file = NULL;
	clipcls_error error = { 0 };
	struct fuzz_part index = fuzz_next_part(&data, &size);
	fuzz_files_add(INDEX, index.bytes, index.size);
	for (size_t i = 0; i < MOST_SHARDS && size > 0; i++)
		add_shard(paths[i], fuzz_next_part(&data, &size));
	clipcls_status status = safetensors_open_index(&file, INDEX, &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK) {
		fuzz_good(input, input_size);
		fuzz_read_tensors(file);
	}
	safetensors_free(file);
	fuzz_files_clear();
	return 0;
}
