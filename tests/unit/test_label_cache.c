/* Classifiers with a label cache: a hit gives the bytes that computing gives, with neither text
 * tower nor vocabulary. */
#include "test_model.h"

#include "classify/model.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
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

/* cmocka has a handler of its own in each test: this is the one of mappings. */
static struct sigaction guard;

/* A copy of the tiny model, opened, in a directory that is its cache, too. */
struct copy {
	char *directory, *path, *weights;
	clipcls_model *model;
	clipcls_labels *labels;
};

static struct copy copy_open(void)
{
	struct copy copy = { .directory = fixture_directory() };
	clipcls_model_options options = { .threads = 1, .cache_directory = copy.directory };
	char command[4200];
	snprintf(command, sizeof command, "cp -r '%s' '%s/model'", golden, copy.directory);
	assert_int_equal(system(command), 0);
	copy.path = path_join(copy.directory, "model");
	copy.weights = path_join(copy.path, "model.safetensors");
	assert_ok(clipcls_model_open(&copy.model, copy.path, &options, &error));
	assert_ok(clipcls_labels_new(&copy.labels, &error));
	assert_ok(clipcls_labels_add(copy.labels, "cat", NULL, 0, &error));
	return copy;
}

static void copy_close(struct copy *copy)
{
	clipcls_labels_free(copy->labels);
	clipcls_model_free(copy->model);
	free(copy->weights);
	free(copy->path);
	free(only_file(copy->directory)); /* the model alone: nothing was kept */
	fixture_remove(copy->directory);
}

static void weights_that_were_replaced_after_they_were_opened_are_not_kept(void **state)
{
	struct copy copy = copy_open();
	clipcls_classifier *classifier = NULL;
	const char *why = NULL;
	char command[8400];
	(void)state;
	snprintf(command, sizeof command, "cp '%s' '%s.new' && mv '%s.new' '%s'", copy.weights,
	         copy.weights, copy.weights, copy.weights);
	assert_int_equal(system(command), 0);
	assert_ok(clipcls_classifier_new(&classifier, copy.model, copy.labels, NULL, &error));
	assert_int_equal(clipcls_classifier_cache(classifier, &why), CLIPCLS_CACHE_FAILED);
	assert_non_null(strstr(why, "changed while it was in use"));
	clipcls_classifier_free(classifier);
	copy_close(&copy);
}

static void weights_that_are_written_to_or_cut_while_in_use_are_an_error(void **state)
{
	const struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };
	(void)state;
	for (int cut = 0; cut < 2; cut++) {
		struct copy copy = copy_open();
		clipcls_classifier *classifier = NULL;
		sigaction(SIGBUS, &guard, NULL);
		/* Another time, whatever the step of the clock. */
		nanosleep(&step, NULL);
		assert_int_equal(
		    cut ? truncate(copy.weights, 5000) : utimensat(AT_FDCWD, copy.weights, NULL, 0), 0);
		assert_int_equal(clipcls_classifier_new(&classifier, copy.model, copy.labels, NULL, &error),
		                 CLIPCLS_ERR_IO);
		assert_null(classifier);
		assert_non_null(strstr(error.message, copy.weights));
		assert_non_null(strstr(error.message, cut ? "cut short" : "written to"));
		copy_close(&copy);
	}
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
	make_classifier(golden, NULL);
	sigaction(SIGBUS, NULL, &guard);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_gives_the_same_bytes_without_the_text_tower),
		cmocka_unit_test(a_damaged_entry_is_computed_again_and_replaced),
		cmocka_unit_test(without_a_place_to_keep_them_embeddings_are_computed_all_the_same),
		cmocka_unit_test(weights_that_were_replaced_after_they_were_opened_are_not_kept),
		cmocka_unit_test(weights_that_are_written_to_or_cut_while_in_use_are_an_error),
		cmocka_unit_test(the_built_in_model_is_cached_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
