/* The engine against the reference's numbers in tests/data/golden, without Python: token ids,
 * pixels, embeddings and similarities of a tiny checkpoint. tests/parity/make_golden.py wrote them.
 *
 * TOLERANCE: the reference adds the same float32 products in another order. At this size that
 * leaves about 1e-6 in a component of a unit vector; any parameter left out leaves 1e-3. */
#include "unit.h"

#include "base/file.h"
#include "clipcls.h"
#include "image/preprocess.h"
#include "model/checkpoint.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

#define TOLERANCE 1e-5
#define FILE_LIMIT ((size_t)1 << 20)

enum { PICTURES = 3, PROMPTS = 7, IMAGE_SIZE = 32, CONTEXT_LENGTH = 77, EMBEDDING = 32 };

static const char *const picture_names[PICTURES] = { "wide.png", "tall.png", "exact.png" };

struct golden {
	char *prompts[PROMPTS]; /* lines of prompt_bytes */
	char *prompt_bytes;
	char *ids;          /* (PROMPTS, CONTEXT_LENGTH) int32, -1 behind the end token */
	char *pixels;       /* (PICTURES, 3, IMAGE_SIZE, IMAGE_SIZE) float */
	char *images;       /* (PICTURES, EMBEDDING) float */
	char *texts;        /* (PROMPTS, EMBEDDING) float */
	char *similarities; /* (PICTURES, PROMPTS) float */
	char paths[PICTURES][512];
	clipcls_model *model;
	float engine_images[PICTURES][EMBEDDING];
	size_t next;
};

static const char *const model_path = TEST_DATA "/golden/checkpoint";

static char *read_golden(const char *name, size_t wanted)
{
	char path[512];
	char *bytes = NULL;
	size_t size = 0;
	clipcls_error error;

	snprintf(path, sizeof(path), "%s/golden/%s", TEST_DATA, name);
	assert_ok(file_read(&bytes, &size, path, FILE_LIMIT, &error));
	if (wanted != 0)
		assert_int_equal(size, wanted);
	return bytes;
}

static int setup(void **state)
{
	struct golden *golden = calloc(1, sizeof(*golden));
	clipcls_error error;
	char *line;

	assert_non_null(golden);
	golden->prompt_bytes = read_golden("prompts.txt", 0);
	line = strtok(golden->prompt_bytes, "\n");
	for (size_t i = 0; i < PROMPTS; i++, line = strtok(NULL, "\n")) {
		assert_non_null(line);
		golden->prompts[i] = line;
	}
	golden->ids = read_golden("ids.i32", PROMPTS * CONTEXT_LENGTH * sizeof(int32_t));
	golden->pixels =
	    read_golden("pixels.f32", sizeof(float) * PICTURES * 3 * IMAGE_SIZE * IMAGE_SIZE);
	golden->images = read_golden("images.f32", sizeof(float) * PICTURES * EMBEDDING);
	golden->texts = read_golden("texts.f32", sizeof(float) * PROMPTS * EMBEDDING);
	golden->similarities = read_golden("similarities.f32", sizeof(float) * PICTURES * PROMPTS);
	for (size_t i = 0; i < PICTURES; i++)
		snprintf(golden->paths[i], sizeof(golden->paths[i]), "%s/golden/%s", TEST_DATA,
		         picture_names[i]);
	assert_ok(clipcls_model_open(&golden->model, model_path, NULL, &error));
	*state = golden;
	return 0;
}

static int teardown(void **state)
{
	struct golden *golden = *state;

	clipcls_model_free(golden->model);
	free(golden->prompt_bytes);
	free(golden->ids);
	free(golden->pixels);
	free(golden->images);
	free(golden->texts);
	free(golden->similarities);
	free(golden);
	return 0;
}

/* The files' floats are little endian, as every machine is that this runs on. */
static void assert_floats_near(const float *got, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float wanted;
		memcpy(&wanted, bytes + i * sizeof(wanted), sizeof(wanted));
		if (!(got[i] - wanted <= TOLERANCE && wanted - got[i] <= TOLERANCE))
			fail_msg("value %zu is %.9g, the reference has %.9g", i, (double)got[i],
			         (double)wanted);
	}
}

static void token_ids_are_the_references(void **state)
{
	const struct golden *golden = *state;
	struct checkpoint *checkpoint = NULL;
	struct tokenizer *tokenizer = NULL;
	const struct model_config *config;
	clipcls_error error;

	assert_ok(checkpoint_open(&checkpoint, model_path, NULL, &error));
	config = checkpoint_config(checkpoint);
	assert_int_equal(config->text.context_length, CONTEXT_LENGTH);
	assert_ok(tokenizer_new(&tokenizer, checkpoint_tokenizer_files(checkpoint), &config->tokenizer,
	                        config->text.vocab_size, &error));
	for (size_t i = 0; i < PROMPTS; i++) {
		int32_t ids[CONTEXT_LENGTH], wanted[CONTEXT_LENGTH];
		size_t n = 0;

		memcpy(wanted, golden->ids + i * sizeof(wanted), sizeof(wanted));
		assert_ok(tokenizer_encode(tokenizer, ids, &n, golden->prompts[i],
		                           strlen(golden->prompts[i]), CONTEXT_LENGTH, &error));
		assert_in_range(n, 2, CONTEXT_LENGTH);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(ids[k], wanted[k]);
		assert_true(n == CONTEXT_LENGTH || wanted[n] == -1);
	}
	tokenizer_free(tokenizer);
	checkpoint_free(checkpoint);
}

/* The resize is exact; TOLERANCE leaves room for the last bits of the normalisation alone: one
 * level of 255 would be 0.014. */
static void pixels_are_the_references(void **state)
{
	static uint8_t rgb[IMAGE_SIZE * IMAGE_SIZE * 3];
	static float pixels[3 * IMAGE_SIZE * IMAGE_SIZE];
	const struct golden *golden = *state;
	struct checkpoint *checkpoint = NULL;
	const struct model_config *config;
	clipcls_error error;

	assert_ok(checkpoint_open(&checkpoint, model_path, NULL, &error));
	config = checkpoint_config(checkpoint);
	assert_int_equal(config->vision.image_size, IMAGE_SIZE);
	for (size_t i = 0; i < PICTURES; i++) {
		char *bytes = NULL;
		size_t size = 0;

		assert_ok(file_read(&bytes, &size, golden->paths[i], FILE_LIMIT, &error));
		assert_ok(preprocess_rgb(rgb, (const uint8_t *)bytes, size, &config->preprocess, IMAGE_SIZE,
		                         NULL, golden->paths[i], &error));
		preprocess_normalize(pixels, rgb, &config->preprocess, IMAGE_SIZE);
		assert_floats_near(pixels, golden->pixels + i * sizeof(pixels),
		                   sizeof(pixels) / sizeof(pixels[0]));
		free(bytes);
	}
	checkpoint_free(checkpoint);
}

/* The text tower leaves when the image tower comes, and comes back; the image tower's weights are
 * rearranged when many pictures have come. No byte of a result tells. */
static void towers_come_and_go_without_a_trace(void **state)
{
	const struct golden *golden = *state;
	const size_t picture = 3 * IMAGE_SIZE * IMAGE_SIZE;
	const clipcls_model_options two_threads = { .threads = 2 };
	float texts[2][PROMPTS][EMBEDDING], images[2][EMBEDDING],
	    *pixels = malloc(picture * sizeof(float));
	clipcls_model *model = NULL;
	clipcls_error error;

	assert_non_null(pixels);
	memcpy(pixels, golden->pixels, picture * sizeof(float));
	assert_ok(clipcls_model_open(&model, model_path, &two_threads, &error));
	for (size_t i = 0; i < 2; i++) {
		assert_ok(clipcls_embed_texts(model, (const char *const *)golden->prompts, PROMPTS,
		                              texts[i][0], &error));
		assert_floats_near(texts[i][0], golden->texts, PROMPTS * EMBEDDING);
		for (size_t n = 0; n < 30; n++)
			assert_ok(clipcls_embed_pixels(model, pixels, 1, images[n > 0], &error));
		assert_memory_equal(images[0], images[1], sizeof images[0]);
	}
	assert_memory_equal(texts[0], texts[1], sizeof texts[0]);
	clipcls_model_free(model);
	free(pixels);
}

static void text_embeddings_are_the_references(void **state)
{
	const struct golden *golden = *state;
	float texts[PROMPTS][EMBEDDING];
	clipcls_error error;

	assert_int_equal(clipcls_model_embedding_size(golden->model), EMBEDDING);
	assert_ok(clipcls_embed_texts(golden->model, (const char *const *)golden->prompts, PROMPTS,
	                              texts[0], &error));
	assert_floats_near(texts[0], golden->texts, PROMPTS * EMBEDDING);
}

static int next_picture(void *user, clipcls_input *out)
{
	struct golden *golden = user;

	if (golden->next == PICTURES)
		return 0;
	*out = (clipcls_input){ .path = golden->paths[golden->next++] };
	return 1;
}

static int take_embedding(void *user, const clipcls_record *record)
{
	struct golden *golden = user;

	if (record->status != CLIPCLS_OK)
		fail_msg("%s: %s", record->path, record->message);
	assert_in_range(record->index, 0, PICTURES - 1);
	memcpy(golden->engine_images[record->index], record->embedding,
	       sizeof(golden->engine_images[0]));
	return 0;
}

static void image_embeddings_are_the_references(void **state)
{
	struct golden *golden = *state;
	clipcls_error error;

	golden->next = 0;
	assert_ok(
	    clipcls_embed_files(golden->model, NULL, next_picture, take_embedding, golden, &error));
	assert_floats_near(golden->engine_images[0], golden->images, PICTURES * EMBEDDING);
}

/* Each prompt as a label of its own: no template, no second prompt. */
static int take_similarities(void *user, const clipcls_record *record)
{
	const struct golden *golden = user;

	if (record->status != CLIPCLS_OK)
		fail_msg("%s: %s", record->path, record->message);
	for (size_t i = 0; i < PROMPTS; i++) {
		const clipcls_result *result = &record->results[i];
		float similarity = (float)result->similarity;
		size_t place = record->index * PROMPTS + result->index;

		assert_floats_near(&similarity, golden->similarities + place * sizeof(float), 1);
		assert_true(i == 0 || record->results[i - 1].similarity >= result->similarity);
	}
	return 0;
}

static void similarities_are_the_references(void **state)
{
	struct golden *golden = *state;
	clipcls_labels *labels = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_error error;

	golden->next = 0;
	assert_ok(clipcls_labels_new(&labels, &error));
	for (size_t i = 0; i < PROMPTS; i++)
		assert_ok(clipcls_labels_add(labels, golden->prompts[i],
		                             (const char *const *)&golden->prompts[i], 1, &error));
	assert_ok(clipcls_classifier_new(&classifier, golden->model, labels, NULL, &error));
	assert_ok(
	    clipcls_classify_files(classifier, NULL, next_picture, take_similarities, golden, &error));
	clipcls_classifier_free(classifier);
	clipcls_labels_free(labels);
}

/* Already normalised pixels take the same way as files: the reference's numbers come out, and one
 * picture's bytes do not depend on whether others stand beside it. */
static void pixels_give_the_references_embeddings(void **state)
{
	const struct golden *golden = *state;
	float together[PICTURES][EMBEDDING], alone[EMBEDDING];
	float *pixels = calloc(PICTURES * 3 * IMAGE_SIZE * IMAGE_SIZE, sizeof(*pixels));
	clipcls_error error;

	assert_non_null(pixels);
	memcpy(pixels, golden->pixels, sizeof(float) * PICTURES * 3 * IMAGE_SIZE * IMAGE_SIZE);
	assert_ok(clipcls_embed_pixels(golden->model, pixels, PICTURES, together[0], &error));
	assert_floats_near(together[0], golden->images, PICTURES * EMBEDDING);
	for (size_t i = 0; i < PICTURES; i++) {
		assert_ok(clipcls_embed_pixels(golden->model, pixels + i * 3 * IMAGE_SIZE * IMAGE_SIZE, 1,
		                               alone, &error));
		assert_memory_equal(alone, together[i], sizeof(alone));
	}
	free(pixels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_ids_are_the_references),
		cmocka_unit_test(pixels_are_the_references),
		cmocka_unit_test(pixels_give_the_references_embeddings),
		cmocka_unit_test(towers_come_and_go_without_a_trace),
		cmocka_unit_test(text_embeddings_are_the_references),
		cmocka_unit_test(image_embeddings_are_the_references),
		cmocka_unit_test(similarities_are_the_references),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
