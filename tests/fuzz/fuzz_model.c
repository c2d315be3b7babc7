/* A whole model in one file: opened, its weights verified and converted, a text and a picture run
 *
 * What fuzz_single.c does of a file's beginning, with all tensors that a model takes: slow. */
#include "fuzz.h"

#include "clipcls.h"

#define PATH "input"
#define MOST_FLOATS ((size_t)1 << 18) /* of a picture; larger models are only opened */

FUZZ_MUTATOR(mutate_single)

/* floats: (n), a picture of one colour. */
static float *make_picture(size_t n)
{
	float *floats = malloc(n * sizeof *floats);
	if (floats == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		floats[i] = 0.5f;
	return floats;
}

static void run_towers(clipcls_model *model, size_t image_size)
{
	static const char *const texts[] = { "a b" };
	clipcls_error error = { 0 };
	size_t E = clipcls_model_embedding_size(model), pixels = 3 * image_size * image_size;
	float *embedding = malloc(E * sizeof *embedding);
	if (embedding == NULL)
		abort();
	fuzz_check(clipcls_embed_texts(model, texts, 1, embedding, &error), &error);
	if (pixels <= MOST_FLOATS) {
		float *picture = make_picture(pixels);
		fuzz_check(clipcls_embed_pixels(model, picture, 1, embedding, &error), &error);
		free(picture);
	}
	free(embedding);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const clipcls_model_options options = { .threads = 1, .batch = 1 };
	clipcls_model *model = NULL;
	clipcls_model_info info;
	clipcls_error error = { 0 };
	fuzz_files_add(PATH, data, size);
	clipcls_status status = clipcls_model_open(&model, PATH, &options, &error);
	fuzz_check(status, &error);
	if (status == CLIPCLS_OK) {
		fuzz_good(data, size);
		status = clipcls_model_describe(model, &info, &error);
		fuzz_check(status, &error);
	}
	if (status == CLIPCLS_OK)
		run_towers(model, info.image_size);
	clipcls_model_free(model);
	fuzz_files_clear();
	return 0;
}
