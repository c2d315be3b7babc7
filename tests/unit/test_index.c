/* Index files and search. */
#include "test_model.h"

#include "nn/ops.h"
#include "random.h"

#define N 3000
#define E 5 /* of the fixture's config */

static clipcls_error error;

static clipcls_model *open_fixture(size_t threads)
{
	char *directory = fixture_checkpoint();
	clipcls_model *model = NULL;
	const clipcls_model_options options = { .threads = threads };
	assert_ok(clipcls_model_open(&model, directory, &options, &error));
	fixture_remove(directory);
	return model;
}

/* n unit vectors. With `steps` of them only, many are equal. */
static float *unit_rows(size_t n, size_t steps)
{
	float *rows = memory_floats(n * E);
	uint32_t random = 7;
	for (size_t i = 0; i < n * E; i++)
		rows[i] = i < steps * E ? random_float(&random) : rows[i - steps * E];
	for (size_t i = 0; i < n; i++)
		normalize(rows + i * E, E);
	return rows;
}

static int by_rank(const void *a, const void *b)
{
	const clipcls_hit *x = a, *y = b;
	if (x->similarity != y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static void expect_brute_force(clipcls_model *model, size_t n, size_t steps, size_t n_queries,
                               size_t most)
{
	float *rows = unit_rows(n, steps), *queries = unit_rows(n_queries, n_queries);
	clipcls_hit *all = memory_new(n, sizeof *all);
	size_t kept = most < n ? most : n;
	clipcls_hit *hits = memory_new(n_queries * kept, sizeof *hits);
	assert_ok(clipcls_search(hits, model, rows, n, queries, n_queries, most, &error));
	for (size_t q = 0; q < n_queries; q++) {
		for (size_t i = 0; i < n; i++)
			all[i] = (clipcls_hit){ i, dot_double(rows + i * E, queries + q * E, E) };
		qsort(all, n, sizeof *all, by_rank);
		for (size_t i = 0; i < kept; i++) {
			assert_int_equal(hits[q * kept + i].index, all[i].index);
			assert_true(hits[q * kept + i].similarity == all[i].similarity);
		}
	}
	free(rows);
	free(queries);
	free(all);
	free(hits);
}

static void search_finds_what_sorting_all_cosines_gives(void **state)
{
	clipcls_model *model = open_fixture(2);
	(void)state;
	expect_brute_force(model, N, N, 1, 10);
	expect_brute_force(model, N, N, 3, 1);
	expect_brute_force(model, N, N, 300, 7);
	expect_brute_force(model, 1, 1, 5, 3);
	expect_brute_force(model, 2000, 2000, 2, 2000);
	expect_brute_force(model, 900, 900, 9, 5000);
	expect_brute_force(model, 900, 900, 200, 2); /* by queries */
	expect_brute_force(model, 50, 50, 3, 50);
	clipcls_model_free(model);
}

static void equal_pictures_come_in_their_order(void **state)
{
	clipcls_model *model = open_fixture(2);
	(void)state;
	expect_brute_force(model, N, 4, 2, 1200);
	expect_brute_force(model, N, 1, 6, 3);
	clipcls_model_free(model);
}

static void nothing_to_search_gives_nothing(void **state)
{
	clipcls_model *model = open_fixture(1);
	float query[E] = { 1 };
	(void)state;
	assert_ok(clipcls_search(NULL, model, query, 0, query, 1, 10, &error));
	assert_ok(clipcls_search(NULL, model, query, 1, query, 1, 0, &error));
	clipcls_model_free(model);
}

/* ---- files ---------------------------------------------------------------------------------- */

struct fixture {
	clipcls_model *model;
	char *directory, *path;
	float *rows;
	clipcls_entry entries[3];
};

static struct fixture write_index(void)
{
	struct fixture f = { open_fixture(1), fixture_directory(), NULL, unit_rows(3, 3), { { 0 } } };
	static const char *const paths[] = { "a.jpg", "with space/\xff.png", "z" };
	f.path = path_join(f.directory, "x.index");
	for (size_t i = 0; i < 3; i++)
		f.entries[i] = (clipcls_entry){ paths[i], 100 + i, -5 + (int64_t)i, f.rows + i * E };
	assert_ok(clipcls_index_write(f.path, f.model, f.entries, 3, NULL, "a note", &error));
	return f;
}

static void end(struct fixture *f)
{
	clipcls_model_free(f->model);
	fixture_remove(f->directory);
	free(f->path);
	free(f->rows);
}

static void what_was_written_is_read(void **state)
{
	struct fixture f = write_index();
	clipcls_index *index = NULL;
	(void)state;
	assert_true(clipcls_index_recognise(f.path));
	assert_ok(clipcls_index_open(&index, f.path, &error));
	assert_ok(clipcls_index_check(index, f.model, &error));
	assert_int_equal(clipcls_index_count(index), 3);
	assert_string_equal(clipcls_index_note(index), "a note");
	for (size_t i = 0; i < 3; i++) {
		clipcls_entry entry = clipcls_index_entry(index, i);
		assert_string_equal(entry.path, f.entries[i].path);
		assert_int_equal(entry.size, f.entries[i].size);
		assert_int_equal(entry.modified_ns, f.entries[i].modified_ns);
		assert_memory_equal(entry.embedding, f.entries[i].embedding, E * sizeof(float));
	}
	clipcls_index_free(index);
	end(&f);
}

static void an_index_of_nothing_is_one(void **state)
{
	struct fixture f = write_index();
	clipcls_index *index = NULL;
	(void)state;
	assert_ok(clipcls_index_write(f.path, f.model, NULL, 0, NULL, "", &error));
	assert_ok(clipcls_index_open(&index, f.path, &error));
	assert_int_equal(clipcls_index_count(index), 0);
	clipcls_index_free(index);
	end(&f);
}

static void another_model_is_told_apart(void **state)
{
	struct fixture f = write_index();
	clipcls_index *index = NULL;
	clipcls_model *builtin = NULL;
	(void)state;
	assert_ok(clipcls_model_open(&builtin, NULL, NULL, &error));
	assert_ok(clipcls_index_open(&index, f.path, &error));
	assert_error(clipcls_index_check(index, builtin, &error), CLIPCLS_ERR_ARGUMENT,
	             "another model");
	clipcls_index_free(index);
	clipcls_model_free(builtin);
	end(&f);
}

/* Any byte of the header or of the paths' ends may be wrong: never a crash, mostly an error. */
static void damaged_files_are_refused(void **state)
{
	struct fixture f = write_index();
	char *bytes = NULL;
	size_t size, refused = 0;
	(void)state;
	assert_ok(file_read(&bytes, &size, f.path, SIZE_MAX / 4, &error));
	for (size_t i = 0; i < size; i++) {
		clipcls_index *index = NULL;
		bytes[i] ^= 0x41;
		fixture_write(f.directory, "bad.index", bytes, size);
		bytes[i] ^= 0x41;
		char *path = path_join(f.directory, "bad.index");
		if (clipcls_index_open(&index, path, &error) == CLIPCLS_OK) {
			size_t paths = 0;
			for (size_t k = 0; k < clipcls_index_count(index); k++)
				paths += strlen(clipcls_index_entry(index, k).path) + 1;
			assert_true(paths <= sizeof "a.jpg" + sizeof "with space/\xff.png" + sizeof "z");
		} else {
			assert_non_null(strstr(error.message, "bad.index"));
			refused++;
		}
		clipcls_index_free(index);
		free(path);
	}
	assert_true(refused > size / 3);
	free(bytes);
	end(&f);
}

static void a_truncated_file_is_refused(void **state)
{
	struct fixture f = write_index();
	clipcls_index *index = NULL;
	(void)state;
	assert_int_equal(truncate(f.path, 400), 0);
	assert_error(clipcls_index_open(&index, f.path, &error), CLIPCLS_ERR_FORMAT, "x.index");
	assert_null(index);
	end(&f);
}

static void what_is_no_index_is_told_apart(void **state)
{
	struct fixture f = write_index();
	char *weights = path_join(f.directory, "model.safetensors");
	struct buffer file = fixture_weights(NULL, "");
	clipcls_index *index = NULL;
	(void)state;
	fixture_write(f.directory, "model.safetensors", file.bytes, file.size);
	assert_false(clipcls_index_recognise(weights));
	assert_false(clipcls_index_recognise("/no/such/file"));
	assert_false(clipcls_index_recognise("/dev/null"));
	fixture_write_text(f.directory, "short", "short");
	char *brief = path_join(f.directory, "short");
	assert_false(clipcls_index_recognise(brief));
	free(brief);
	assert_error(clipcls_index_open(&index, weights, &error), CLIPCLS_ERR_FORMAT, "no index");
	free(weights);
	buffer_free(&file);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_finds_what_sorting_all_cosines_gives),
		cmocka_unit_test(equal_pictures_come_in_their_order),
		cmocka_unit_test(nothing_to_search_gives_nothing),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(an_index_of_nothing_is_one),
		cmocka_unit_test(another_model_is_told_apart),
		cmocka_unit_test(damaged_files_are_refused),
		cmocka_unit_test(a_truncated_file_is_refused),
		cmocka_unit_test(what_is_no_index_is_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
