/* These hold for any model that is built in. */
#include "test_model.h"

#include "model/builtin.h"

#include <time.h>

#define OPENING_MILLISECONDS 3
#define ROUNDS 10

static clipcls_error error;

static struct checkpoint *open_builtin(void)
{
	struct checkpoint *checkpoint = NULL;
	size_t size;
	const void *bytes = builtin_model(&size);
	assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, BUILTIN_MODEL_NAME, &error));
	return checkpoint;
}

static void it_carries_class_names_and_a_tokenizer_that_covers_its_vocabulary(void **state)
{
	struct checkpoint *checkpoint = open_builtin();
	const struct tokenizer_files *files = checkpoint_tokenizer_files(checkpoint);
	size_t size;
	const char *names = checkpoint_class_names(checkpoint, &size);
	(void)state;
	assert_non_null(names);
	assert_true(size > 0 && names[size - 1] == '\n');
	/* Without files of its own it must be CLIP's vocabulary. */
	if (files->vocab == NULL && files->tokenizer_json == NULL)
		assert_int_equal(checkpoint_config(checkpoint)->text.vocab_size, 49408);
	checkpoint_free(checkpoint);
}

static void every_tensor_passes_its_checksum(void **state)
{
	struct checkpoint *checkpoint = open_builtin();
	struct tensor_spec *specs = NULL;
	size_t count;
	(void)state;
	assert_ok(tensors_list(&specs, &count, checkpoint_config(checkpoint), TENSOR_NAMING_CANONICAL,
	                       SIZE_MAX, &error));
	assert_int_equal(count, checkpoint_tensor_count(checkpoint));
	for (size_t i = 0; i < count; i++) {
		const float *floats = NULL;
		struct weight_request request = { .out = &floats };
		memcpy(request.name, specs[i].name, sizeof request.name);
		assert_ok(checkpoint_weights(checkpoint, &request, 1, NULL, &error));
		assert_non_null(floats);
	}
	free(specs);
	checkpoint_free(checkpoint);
}

static double milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

/* The best of several rounds: other programs may take the processor in between. */
static void it_opens_in_a_few_milliseconds(void **state)
{
	double best = 1e9;
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		double start = milliseconds();
		checkpoint_free(open_builtin());
		double took = milliseconds() - start;
		best = took < best ? took : best;
	}
	print_message("opened in %.3f ms\n", best);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(best < OPENING_MILLISECONDS);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_carries_class_names_and_a_tokenizer_that_covers_its_vocabulary),
		cmocka_unit_test(every_tensor_passes_its_checksum),
		cmocka_unit_test(it_opens_in_a_few_milliseconds),
	};
	return cmocka_run_group_tests_name("model_builtin", tests, NULL, NULL);
}
