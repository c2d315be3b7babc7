/* Classifiers with a label cache: a hit gives the bytes that computing gives, with neither text
 * tower nor vocabulary. */
#include "test_model.h"

#include "classify/model.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static clipcls_error error;

static const char *const golden = TEST_DATA "/golden/checkpoint";

enum { LABELS = 3, EMBEDDING = 32 };

struct made {
	clipcls_cache_state state;
	float embeddings[LABELS * EMBEDDING];
	bool text_opened;
	char why[1024];
};

static struct made make_classifier(const char *name, const char *cache_directory)
{
	clipcls_model_options options = { .threads = 2, .cache_directory = cache_directory };
	clipcls_model *model = NULL;
	clipcls_labels *labels = NULL;
	clipcls_classifier *classifier = NULL;
	struct made made = { 0 };
	const char *why = NULL;
	assert_ok(clipcls_model_open(&model, name, &options, &error));
	assert_ok(clipcls_labels_new(&labels, &error));
	assert_ok(clipcls_labels_add_text(labels, "cat\ndog\nred panda\n", 18, "x", &error));
	assert_ok(clipcls_classifier_new(&classifier, model, labels, NULL, &error));
	made.state = clipcls_classifier_cache(classifier, &why);
	snprintf(made.why, sizeof made.why, "%s", why);
	made.text_opened = model->text_tower != NULL || model->tokenizer != NULL;
	if (clipcls_model_embedding_size(model) == EMBEDDING)
		memcpy(made.embeddings, clipcls_classifier_embeddings(classifier), sizeof made.embeddings);
	clipcls_classifier_free(classifier);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
	return made;
}

static char *only_file(const char *directory)
{
	DIR *open_directory = opendir(directory);
	const struct dirent *item;
	char *path = NULL;
	assert_non_null(open_directory);
	while ((item = readdir(open_directory)) != NULL) {
		if (item->d_name[0] == '.')
			continue;
		assert_null(path);
		path = path_join(directory, item->d_name);
	}
	closedir(open_directory);
	assert_non_null(path);
	return path;
}

static void a_hit_gives_the_same_bytes_without_the_text_tower(void **state)
{
	char *directory = fixture_directory();
	struct made off = make_classifier(golden, NULL);
	struct made cold = make_classifier(golden, directory);
	struct made warm = make_classifier(golden, directory);
	(void)state;
	assert_int_equal(off.state, CLIPCLS_CACHE_OFF);
	assert_int_equal(cold.state, CLIPCLS_CACHE_STORED);
	assert_int_equal(warm.state, CLIPCLS_CACHE_HIT);
	assert_true(off.text_opened);
	assert_true(cold.text_opened);
	assert_false(warm.text_opened);
	assert_memory_equal(off.embeddings, cold.embeddings, sizeof off.embeddings);
	assert_memory_equal(off.embeddings, warm.embeddings, sizeof off.embeddings);
	fixture_remove(directory);
}

static void a_damaged_entry_is_computed_again_and_replaced(void **state)
{
	char *directory = fixture_directory(), *bytes = NULL, *again = NULL;
	size_t size = 0, size_again = 0;
	struct made cold = make_classifier(golden, directory);
	char *path = only_file(directory);
	(void)state;
	assert_ok(file_read(&bytes, &size, path, 1 << 20, &error));
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\x5a\x5a", 2, (off_t)size - 40), 2);
	close(fd);
	struct made damaged = make_classifier(golden, directory);
	assert_int_equal(damaged.state, CLIPCLS_CACHE_STORED);
	assert_memory_equal(damaged.embeddings, cold.embeddings, sizeof cold.embeddings);
	assert_ok(file_read(&again, &size_again, path, 1 << 20, &error));
	assert_int_equal(size, size_again);
	assert_memory_equal(bytes, again, size);
	assert_int_equal(make_classifier(golden, directory).state, CLIPCLS_CACHE_HIT);
	free(again);
	free(bytes);
	free(path);
	fixture_remove(directory);
}

static void without_a_place_to_keep_them_embeddings_are_computed_all_the_same(void **state)
{
	char *directory = fixture_directory();
	(void)state;
	fixture_write_text(directory, "file", "");
	char *below = path_join(directory, "file/cache");
	struct made off = make_classifier(golden, NULL), failed = make_classifier(golden, below);
	assert_int_equal(failed.state, CLIPCLS_CACHE_FAILED);
	assert_non_null(strstr(failed.why, below));
	assert_memory_equal(off.embeddings, failed.embeddings, sizeof off.embeddings);
	assert_string_equal(off.why, "");
	free(below);
	fixture_remove(directory);
}

static void weights_that_changed_after_they_were_opened_are_not_kept(void **state)
{
	char *directory = fixture_directory(), command[4200];
	clipcls_model_options options = { .threads = 1, .cache_directory = directory };
	clipcls_model *model = NULL;
	clipcls_labels *labels = NULL;
	clipcls_classifier *classifier = NULL;
	const char *why = NULL;
	const struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };
	(void)state;
	snprintf(command, sizeof command, "cp -r '%s' '%s/model'", golden, directory);
	assert_int_equal(system(command), 0);
	char *path = path_join(directory, "model"), *weights = path_join(path, "model.safetensors");
	assert_ok(clipcls_model_open(&model, path, &options, &error));
	assert_ok(clipcls_labels_new(&labels, &error));
	assert_ok(clipcls_labels_add(labels, "cat", NULL, 0, &error));
	/* Another time, whatever the step of the clock. */
	nanosleep(&step, NULL);
	assert_int_equal(utimensat(AT_FDCWD, weights, NULL, 0), 0);
	assert_ok(clipcls_classifier_new(&classifier, model, labels, NULL, &error));
	assert_int_equal(clipcls_classifier_cache(classifier, &why), CLIPCLS_CACHE_FAILED);
	assert_non_null(strstr(why, "changed while it was in use"));
	clipcls_classifier_free(classifier);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
	free(weights);
	free(path);
	path = only_file(directory); /* the model alone */
	free(path);
	fixture_remove(directory);
}

static void the_built_in_model_is_cached_too(void **state)
{
	char *directory = fixture_directory();
	(void)state;
	assert_int_equal(make_classifier(NULL, directory).state, CLIPCLS_CACHE_STORED);
	assert_int_equal(make_classifier(golden, directory).state, CLIPCLS_CACHE_STORED);
	struct made warm = make_classifier(NULL, directory);
	assert_int_equal(warm.state, CLIPCLS_CACHE_HIT);
	assert_false(warm.text_opened);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_gives_the_same_bytes_without_the_text_tower),
		cmocka_unit_test(a_damaged_entry_is_computed_again_and_replaced),
		cmocka_unit_test(without_a_place_to_keep_them_embeddings_are_computed_all_the_same),
		cmocka_unit_test(weights_that_changed_after_they_were_opened_are_not_kept),
		cmocka_unit_test(the_built_in_model_is_cached_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
