/* The cache of label embeddings: what its keys tell apart, and that a hit gives the bytes that
 * computing gives, with neither text tower nor vocabulary. */
#include "test_model.h"

#include "base/cpu.h"
#include "classify/label_cache.h"
#include "nn/blas.h"
#include "text/unicode.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static clipcls_error error;

static const char *const golden = TEST_DATA "/golden/checkpoint";

/* ---- keys ----------------------------------------------------------------------------------- */

/* A label with its own prompts; prompts end with NULL. */
struct label {
	const char *text;
	const char *prompts[3];
};

/* What a key is made from; each test changes one thing of it. */
struct ingredients {
	struct label labels[3];   /* end with a NULL text */
	const char *templates[3]; /* end with NULL */
	char *directory;          /* of the checkpoint */
	const char *layout;
};

static struct buffer make_key(const struct ingredients *given)
{
	clipcls_model_options options = { .threads = 1,
		                              .layout = given->layout,
		                              .cache_directory = "nowhere" };
	clipcls_model *model = NULL;
	clipcls_labels *labels = NULL;
	clipcls_templates *templates = NULL;
	struct label_cache cache = { 0 };
	struct buffer key = { 0 };
	assert_ok(clipcls_model_open(&model, given->directory, &options, &error));
	assert_ok(clipcls_labels_new(&labels, &error));
	assert_ok(clipcls_templates_new(&templates, &error));
	for (const struct label *label = given->labels; label->text != NULL; label++) {
		size_t n = 0;
		while (label->prompts[n] != NULL)
			n++;
		assert_ok(clipcls_labels_add(labels, label->text, label->prompts, n, &error));
	}
	for (const char *const *text = given->templates; *text != NULL; text++)
		assert_ok(clipcls_templates_add(templates, *text, &error));
	assert_ok(label_cache_open(&cache, model, labels, templates, &error));
	assert_true(label_cache_is_on(&cache));
	buffer_append(&key, cache.key.bytes, cache.key.size);
	assert_false(key.failed);
	label_cache_close(&cache);
	clipcls_templates_free(templates);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
	return key;
}

static bool same_keys(const struct buffer *a, const struct buffer *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* The key of `changed` differs from `key`. */
static void assert_another(const struct buffer *key, const struct ingredients *changed,
                           const char *what)
{
	struct buffer other = make_key(changed);
	if (same_keys(key, &other))
		fail_msg("%s: the key stays the same", what);
	buffer_free(&other);
}

static struct ingredients usual(void)
{
	return (struct ingredients){
		.labels = { { .text = "cat" }, { .text = "dog", .prompts = { "a dog", "dogs" } } },
		.templates = { "a {}", "two {}" },
		.directory = fixture_checkpoint(),
	};
}

static void keys_of_the_same_are_the_same(void **state)
{
	struct ingredients given = usual();
	struct buffer key = make_key(&given), again = make_key(&given);
	(void)state;
	assert_true(same_keys(&key, &again));
	buffer_free(&again);
	buffer_free(&key);
	fixture_remove(given.directory);
}

static void labels_prompts_and_templates_make_the_key(void **state)
{
	struct ingredients given = usual(), changed = given;
	struct buffer key = make_key(&given);
	(void)state;
	changed.labels[0].text = "cats";
	assert_another(&key, &changed, "a label's text");
	changed = given;
	changed.labels[0] = given.labels[1];
	changed.labels[1] = given.labels[0];
	assert_another(&key, &changed, "the order of labels");
	changed = given;
	changed.labels[1] = (struct label){ 0 };
	assert_another(&key, &changed, "one label less");
	changed = given;
	changed.labels[1].prompts[1] = "dog";
	assert_another(&key, &changed, "a label's own prompt");
	changed = given;
	changed.labels[1].prompts[1] = NULL;
	assert_another(&key, &changed, "one prompt less");
	changed = given;
	changed.labels[1].prompts[0] = "a do";
	changed.labels[1].prompts[1] = "gdogs";
	assert_another(&key, &changed, "a prompt's end moved to the next");
	changed = given;
	changed.labels[0] = (struct label){ .text = "cat", .prompts = { "a dog", "dogs" } };
	changed.labels[1] = (struct label){ .text = "dog" };
	assert_another(&key, &changed, "prompts moved to another label");
	buffer_free(&key);
	changed.labels[0] = (struct label){ .text = "cat", .prompts = { "kitten" } };
	changed.labels[1] = (struct label){ .text = "dog" };
	key = make_key(&changed);
	changed.labels[0] = (struct label){ .text = "cat" };
	changed.labels[1] = (struct label){ .text = "kitten", .prompts = { "dog" } };
	assert_another(&key, &changed,
	               "a prompt that became a label, and a label that became a prompt");
	buffer_free(&key);
	key = make_key(&given);
	changed = given;
	changed.templates[1] = "three {}";
	assert_another(&key, &changed, "a template");
	changed = given;
	changed.templates[1] = NULL;
	assert_another(&key, &changed, "one template less");
	buffer_free(&key);
	fixture_remove(given.directory);
}

/* config.json with the first `from` replaced by `to`. */
static void rewrite_config(const char *directory, const char *from, const char *to)
{
	struct buffer text = { 0 };
	const char *place = strstr(fixture_config, from);
	assert_non_null(place);
	buffer_append(&text, fixture_config, (size_t)(place - fixture_config));
	buffer_text(&text, to);
	buffer_text(&text, place + strlen(from));
	fixture_write(directory, "config.json", text.bytes, text.size);
	buffer_free(&text);
}

static void the_text_towers_config_makes_the_key(void **state)
{
	/* Shapes are bound to the tensors; these are what may change alone. */
	static const char *const changes[][2] = {
		{ "\"eos_token_id\":10", "\"eos_token_id\":9" },
		{ "\"eos_token_id\":10", "\"eos_token_id\":2" },
		{ "\"num_attention_heads\":2", "\"num_attention_heads\":4" },
		{ "\"hidden_size\":8", "\"hidden_act\":\"gelu\",\"hidden_size\":8" },
		{ "\"hidden_size\":8", "\"layer_norm_eps\":1e-6,\"hidden_size\":8" },
	};
	struct ingredients given = usual();
	struct buffer key = make_key(&given);
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		rewrite_config(given.directory, changes[i][0], changes[i][1]);
		assert_another(&key, &given, changes[i][1]);
	}
	fixture_write_text(given.directory, "config.json", fixture_config);
	struct buffer again = make_key(&given);
	assert_true(same_keys(&key, &again));
	buffer_free(&again);
	buffer_free(&key);
	fixture_remove(given.directory);
}

static void the_tokenizers_files_make_the_key(void **state)
{
	struct ingredients given = usual();
	struct buffer key = make_key(&given);
	(void)state;
	fixture_write_text(given.directory, "tokenizer.json", "{}");
	assert_another(&key, &given, "tokenizer.json instead of the built-in vocabulary");
	fixture_write_text(given.directory, "vocab.json", "{\"a\":0}");
	fixture_write_text(given.directory, "merges.txt", "a b");
	assert_another(&key, &given, "vocab.json and merges.txt");
	buffer_free(&key);
	key = make_key(&given);
	fixture_write_text(given.directory, "vocab.json", "{\"b\":0}");
	assert_another(&key, &given, "another vocab.json");
	fixture_write_text(given.directory, "vocab.json", "{\"a\":0}");
	fixture_write_text(given.directory, "merges.txt", "a c");
	assert_another(&key, &given, "another merges.txt");
	buffer_free(&key);
	fixture_remove(given.directory);
}

/* Lets the file's times be told from those of now, whatever the clock's step. */
static void wait_for_another_time(void)
{
	struct timespec step = { .tv_nsec = 20 * 1000 * 1000 };
	nanosleep(&step, NULL);
}

static void the_weights_file_makes_the_key(void **state)
{
	struct ingredients given = usual();
	struct buffer key = make_key(&given);
	char *path = path_join(given.directory, "model.safetensors");
	char *copy = path_join(given.directory, "copy");
	char *bytes = NULL;
	size_t size = 0;
	struct stat st;
	(void)state;
	assert_int_equal(stat(path, &st), 0);
	struct timespec times[2] = { st.st_atim, st.st_mtim };

	wait_for_another_time();
	int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\x11", 1, st.st_size - 1), 1);
	close(fd);
	assert_another(&key, &given, "written to in place");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_another(&key, &given, "written to in place, with its time put back");
	buffer_free(&key);
	key = make_key(&given);

	assert_ok(file_read(&bytes, &size, path, 1 << 20, &error));
	fixture_write(given.directory, "copy", bytes, size);
	assert_int_equal(utimensat(AT_FDCWD, copy, times, 0), 0);
	assert_int_equal(rename(copy, path), 0);
	assert_another(&key, &given, "replaced by a copy");
	free(bytes);
	free(copy);
	free(path);
	buffer_free(&key);
	fixture_remove(given.directory);
}

/* The identity of the checkpoint in a directory, converted and opened from memory. */
static struct buffer identity_in_memory(const char *directory)
{
	struct checkpoint *checkpoint = NULL;
	struct buffer identity = { 0 };
	char *path = path_join(directory, "single"), *bytes = NULL;
	size_t size = 0;
	assert_ok(clipcls_convert(directory, path, NULL, NULL, &error));
	assert_ok(file_read(&bytes, &size, path, 1 << 20, &error));
	assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, "memory", &error));
	assert_true(checkpoint_unchanged(checkpoint));
	checkpoint_identity(&identity, checkpoint);
	assert_false(identity.failed);
	checkpoint_free(checkpoint);
	free(bytes);
	free(path);
	return identity;
}

static void weights_in_memory_are_told_apart_by_their_checksums(void **state)
{
	char *directory = fixture_checkpoint();
	struct buffer identity = identity_in_memory(directory), again = identity_in_memory(directory);
	(void)state;
	assert_true(same_keys(&identity, &again));
	buffer_free(&again);
	struct buffer weights = fixture_weights(NULL, "");
	weights.bytes[weights.size - 1] ^= 1;
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	again = identity_in_memory(directory);
	assert_false(same_keys(&identity, &again));
	buffer_free(&weights);
	buffer_free(&again);
	buffer_free(&identity);
	fixture_remove(directory);
}

static void what_computes_is_in_the_key(void **state)
{
	struct ingredients given = usual();
	struct buffer key = make_key(&given), cpu = { 0 };
	(void)state;
	cpu_features(&cpu);
	assert_true(cpu.size > 0);
	assert_non_null(memmem(key.bytes, key.size, cpu.bytes, cpu.size));
	assert_non_null(memmem(key.bytes, key.size, blas_name(), strlen(blas_name())));
	assert_non_null(memmem(key.bytes, key.size, unicode_version(), strlen(unicode_version())));
	buffer_free(&cpu);
	buffer_free(&key);
	fixture_remove(given.directory);
}

/* ---- classifiers ---------------------------------------------------------------------------- */

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
	(void)state;
	snprintf(command, sizeof command, "cp -r '%s' '%s/model'", golden, directory);
	assert_int_equal(system(command), 0);
	char *path = path_join(directory, "model"), *weights = path_join(path, "model.safetensors");
	assert_ok(clipcls_model_open(&model, path, &options, &error));
	assert_ok(clipcls_labels_new(&labels, &error));
	assert_ok(clipcls_labels_add(labels, "cat", NULL, 0, &error));
	wait_for_another_time();
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
		cmocka_unit_test(keys_of_the_same_are_the_same),
		cmocka_unit_test(labels_prompts_and_templates_make_the_key),
		cmocka_unit_test(the_text_towers_config_makes_the_key),
		cmocka_unit_test(the_tokenizers_files_make_the_key),
		cmocka_unit_test(the_weights_file_makes_the_key),
		cmocka_unit_test(weights_in_memory_are_told_apart_by_their_checksums),
		cmocka_unit_test(what_computes_is_in_the_key),
		cmocka_unit_test(a_hit_gives_the_same_bytes_without_the_text_tower),
		cmocka_unit_test(a_damaged_entry_is_computed_again_and_replaced),
		cmocka_unit_test(without_a_place_to_keep_them_embeddings_are_computed_all_the_same),
		cmocka_unit_test(weights_that_changed_after_they_were_opened_are_not_kept),
		cmocka_unit_test(the_built_in_model_is_cached_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
