/* The program's inputs and its labelled pictures when memory is out: each says so on stderr and
 * goes no further. */
#include "failing.h"

#include "test_model.h"

#include "cli/input/feed.h"
#include "cli/input/resume.h"
#include "cli/labelled/class_map.h"
#include "cli/labelled/shots.h"
#include "cli/labelled/tally.h"
#include "cli/output/vectors.h"
#include "cli/read_all.h"
#include "cli/sources.h"

/* A folder of two classes, a list, an earlier run's records, a stream; the program works in it. */
static int enter(void **state)
{
	return fixture_enter(state) != 0 ||
	       system(
	           "mkdir -p set/cat set/red_panda/more && touch set/cat/a.png set/cat/b.png "
	           "set/red_panda/more/c.png set/red_panda/no.txt && "
	           "printf 'set/cat/a.png\\tcat\\nset/red_panda/more/c.png\\tred_panda\\n' >list && "
	           "printf '{\"path\":\"a.png\",\"x\":1}\\n{\"path\":\"b.png\"}\\n' >run.jsonl && "
	           "printf 'a.png\\nb.png\\n' >files && printf 'P5 1 1 255\\nxP5 1 1 255\\ny' >film && "
	           "printf 'cat\\tcat\\t#0\\nred_panda\\tred panda\\n' >names") != 0;
}

/* The program says what is wrong on stderr; here that is an error's message. */
static clipcls_status as_status(bool good, clipcls_error *error)
{
	return good ? CLIPCLS_OK : error_memory(error);
}

static size_t count_inputs(const struct options *options, bool *failed)
{
	struct feed feed = { 0 };
	size_t n = 0;
	clipcls_input input;
	bool good = feed_open(&feed, options);
	while (good && feed_next(&feed, &input, NULL, NULL) == CLIPCLS_NEXT_GIVEN) {
		n++;
		feed_delivered(&feed);
	}
	*failed = !good || feed_failed(&feed);
	feed_close(&feed);
	return n;
}

static clipcls_status read_inputs(const void *context, clipcls_error *error)
{
	static const char *operands[] = { "set", "set/cat/a.png" };
	const char *stream = context;
	const struct options options = { .operands = { operands, 2, 2 },
		                             .files_from = stream == NULL ? "files" : NULL,
		                             .stream = stream };
	bool failed;
	size_t n = count_inputs(&options, &failed);
	/* A directory that cannot be listed is an input itself, whose record has the reason. */
	if (!failed)
		assert_in_range(n, 1 + 1 + 2, 3 + 1 + 2);
	return as_status(!failed, error);
}

static clipcls_status count_them(const void *context, clipcls_error *error)
{
	static const char *operands[] = { "set" };
	const struct options options = { .operands = { operands, 1, 1 } };
	(void)context;
	size_t n = inputs_count(&options);
	assert_in_range(n, 0, 3); /* 0: not known */
	return as_status(n > 0, error);
}

static clipcls_status resume_run(const void *context, clipcls_error *error)
{
	struct resume *resume = NULL;
	(void)context;
	bool good = resume_open(&resume, "run.jsonl");
	bool failed = false;
	if (good && resume_has(resume, "a.png", &failed))
		assert_false(resume_has(resume, "c.png", &failed) && !failed);
	resume_free(resume);
	return as_status(good && !failed, error);
}

static void inputs(void **state)
{
	(void)state;
	expect_memory_errors_or_success("a list", read_inputs, NULL);
	expect_memory_errors_or_success("a stream", read_inputs, "film");
	expect_memory_errors_or_success("counting", count_them, NULL);
	expect_memory_errors_or_success("resuming", resume_run, NULL);
}

static clipcls_status read_set(const void *context, clipcls_error *error)
{
	const char *path = context;
	struct dataset dataset = { 0 };
	struct class_map map = { 0 }, named = { 0 };
	struct tally tally = { 0 };
	clipcls_labels *labels = NULL;
	bool good = dataset_read(&dataset, path);
	if (good && class_map_labels(&labels, &dataset, error) != CLIPCLS_OK)
		good = false;
	good = good && class_map_make(&map, &dataset, labels, NULL, true) &&
	       class_map_make(&named, &dataset, labels, "names", false) &&
	       tally_init(&tally, &map, dataset.class_count) && shots_rank(&dataset, 1);
	if (good) {
		assert_int_equal(dataset.class_count, 2);
		assert_true(class_map_right(&map, 0, 0) && !class_map_right(&map, 0, 1));
		assert_true(class_map_right(&named, 1, 1) && !class_map_right(&named, 1, 0));
		assert_int_equal(shots_most(&dataset), strcmp(path, "set") == 0 ? 2 : 1);
	}
	tally_free(&tally);
	class_map_free(&map);
	class_map_free(&named);
	clipcls_labels_free(labels);
	dataset_free(&dataset);
	return as_status(good, error);
}

static void labelled_pictures(void **state)
{
	(void)state;
	expect_memory_errors_or_success("folders", read_set, "set");
	expect_memory_errors_or_success("list", read_set, "list");
}

static clipcls_status write_vectors(const void *context, clipcls_error *error)
{
	static const float row[2] = { 1, 0 };
	struct vectors vectors = { 0 };
	(void)context;
	bool good = vectors_open(&vectors, true, "out.npy", 2) &&
	            vectors_row(&vectors, "path", "a.png", row) && vectors_finish(&vectors);
	vectors_close(&vectors);
	assert_int_equal(access("out.npy", F_OK) == 0, good);
	unlink("out.npy");
	return as_status(good, error);
}

static clipcls_status read_sources(const void *context, clipcls_error *error)
{
	static const char *names[] = { "cat" }, *files[] = { "files" };
	static const char *templates[] = { "a {}" };
	const struct options options = { .labels = { names, 1, 1 },
		                             .label_sources = { files, 1, 1 },
		                             .templates = { templates, 1, 1 } };
	clipcls_labels *labels = NULL;
	clipcls_templates *list = NULL;
	(void)context;
	clipcls_status status = sources_labels(&labels, &options, error);
	assert_true((status == CLIPCLS_OK) == (labels != NULL));
	if (status == CLIPCLS_OK)
		assert_int_equal(clipcls_labels_count(labels), 3);
	if (status == CLIPCLS_OK)
		status = sources_templates(&list, &options, error);
	clipcls_labels_free(labels);
	clipcls_templates_free(list);
	return status;
}

static clipcls_status read_whole(const void *context, clipcls_error *error)
{
	char *bytes = NULL;
	size_t size = 0;
	(void)context;
	bool good = read_all_of(&bytes, &size, "film", 100);
	assert_true(good == (bytes != NULL));
	free(bytes);
	return as_status(good, error);
}

static void sources_and_outputs(void **state)
{
	(void)state;
	expect_memory_errors_or_success("vectors", write_vectors, NULL);
	expect_memory_errors_or_success("labels and templates", read_sources, NULL);
	expect_memory_errors_or_success("a file", read_whole, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inputs, enter, fixture_leave),
		cmocka_unit_test_setup_teardown(labelled_pictures, enter, fixture_leave),
		cmocka_unit_test_setup_teardown(sources_and_outputs, enter, fixture_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
