/* What the keys of the label cache tell apart. */
#include "test_edit.h"
#include "test_model.h"

#include "base/cpu.h"
#include "classify/label_cache.h"
#include "nn/blas.h"
#include "text/unicode.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static clipcls_error error;

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
	char *text = edited(fixture_config, from, to);
	fixture_write_text(directory, "config.json", text);
	free(text);
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
