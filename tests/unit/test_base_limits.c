/* What does not fit, what is not there, and the words for it. */
#include "test_model.h"

#include "base/json.h"
#include "base/output_file.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "base/xml.h"

#include <sys/stat.h>

static clipcls_error error;

static void sizes_that_do_not_fit_are_no_memory(void **state)
{
	struct buffer buffer = { 0 };
	size_t capacity = 1;
	char *bytes = memory_new(1, 1);
	(void)state;
	assert_null(memory_floats(SIZE_MAX));
	assert_null(memory_string("", SIZE_MAX));
	assert_null(memory_grow(bytes, &capacity, SIZE_MAX, 1));
	assert_null(memory_grow(bytes, &capacity, SIZE_MAX / 4, 16));
	assert_int_equal(capacity, 1);
	free(bytes);
	assert_null(strmap_new(SIZE_MAX));
	buffer_text(&buffer, "ab");
	buffer_append(&buffer, "", SIZE_MAX);
	assert_true(buffer.failed);
	buffer_clear(&buffer);
	buffer_text(&buffer, "a");
	buffer_append(&buffer, "", SIZE_MAX - 1);
	assert_true(buffer.failed && buffer.size == 1);
	buffer_free(&buffer);
}

static void every_status_has_a_word(void **state)
{
	static const char *const words[] = { "ok",          "argument", "memory", "io",     "format",
		                                 "unsupported", "decode",   "limit",  "stopped" };
	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_string_equal(clipcls_status_name((clipcls_status)i), words[i]);
	assert_string_equal(clipcls_status_name((clipcls_status)99), "unknown");
}

static void every_escape_of_json_is_written(void **state)
{
	struct buffer out = { 0 };
	(void)state;
	json_write_text(&out, "\"\\\b\f\n\r\t\x01\x7f/");
	assert_string_equal(out.bytes, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f/\"");
	buffer_free(&out);
}

static void what_xml_has_no_place_for_is_written_as_bytes(void **state)
{
	static const char text[] = "<&>\"'\n\x01\x7f\xff\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd";
	struct buffer out = { 0 };
	(void)state;
	xml_write_text(&out, text, sizeof text - 1);
	assert_string_equal(out.bytes, "&#60;&#38;&#62;&#34;'\\x0A\\x01\\x7F\\xFF"
	                               "\\xEF\\xBF\\xBE\\xEF\\xBF\\xBF\xef\xbf\xbd");
	buffer_free(&out);
}

static void code_points_beyond_unicode_are_no_utf8(void **state)
{
	uint32_t c;
	(void)state;
	assert_int_equal(utf8_decode(&c, "\xf4\x8f\xbf\xbf", 4), 4);
	assert_int_equal(c, 0x10ffff);
	assert_int_equal(utf8_decode(&c, "\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(utf8_decode(&c, "\xed\xa0\x80", 3), 0);
	assert_int_equal(utf8_decode(&c, "\xee\x80\x80", 3), 3);
}

static void a_pipe_is_read_up_to_the_limit(void **state)
{
	int ends[2];
	char *bytes = NULL;
	size_t size = 0;
	(void)state;
	for (size_t limit = 4; limit <= 5; limit++) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "bytes", 5), 5);
		close(ends[1]);
		clipcls_status status = file_read_fd(&bytes, &size, ends[0], "pipe", limit, &error);
		if (limit == 5) {
			assert_int_equal(status, CLIPCLS_OK);
			assert_string_equal(bytes, "bytes");
			free(bytes);
		} else {
			assert_error(status, CLIPCLS_ERR_LIMIT, "pipe: larger than the limit of 4 bytes");
			assert_null(bytes);
		}
		close(ends[0]);
	}
}

static void what_cannot_be_read_is_named(void **state)
{
	char *directory = fixture_directory(), *bytes = NULL;
	size_t size = 0;
	(void)state;
	assert_error(file_read(&bytes, &size, directory, 10, &error), CLIPCLS_ERR_IO,
	             ": cannot read: Is a directory");
	assert_null(bytes);
	char *path = path_join(directory, "none");
	assert_error(file_read(&bytes, &size, path, 10, &error), CLIPCLS_ERR_IO,
	             "none: cannot open: No");
	assert_null(bytes);
	free(path);
	fixture_remove(directory);
}

static void directories_are_made_up_to_what_is_no_directory(void **state)
{
	char *directory = fixture_directory();
	char *deep = path_join(directory, "a//b/"), *under_file = path_join(directory, "file/c");
	(void)state;
	fixture_write_text(directory, "file", "");
	assert_ok(directory_make(deep, &error));
	assert_true(file_is_directory(deep));
	assert_ok(directory_make(deep, &error));
	assert_error(directory_make(under_file, &error), CLIPCLS_ERR_IO,
	             "file/c: cannot create the directory");
	free(deep);
	free(under_file);
	fixture_remove(directory);
}

static void a_file_whose_place_is_gone_is_an_error_and_leaves_nothing(void **state)
{
	struct output_file file;
	char *directory = fixture_directory(), *inner = path_join(directory, "inner");
	char *moved = path_join(directory, "moved"), *path = path_join(inner, "out");
	(void)state;
	assert_ok(directory_make(inner, &error));
	assert_ok(output_file_open(&file, path, 0600, &error));
	assert_int_equal(rename(inner, moved), 0);
	assert_ok(output_file_write(&file, 0, "x", 1, &error));
	assert_error(output_file_commit(&file, &error), CLIPCLS_ERR_IO, "out: cannot write: No such");
	output_file_close(&file);
	assert_false(file_exists(path));
	/* A directory takes its name in the meantime. */
	char *taken = path_join(directory, "taken");
	assert_ok(output_file_open(&file, taken, 0600, &error));
	assert_int_equal(mkdir(taken, 0700), 0);
	assert_error(output_file_commit(&file, &error), CLIPCLS_ERR_IO, "taken: cannot write");
	assert_false(file_exists(file.temporary));
	output_file_close(&file);
	free(taken);
	assert_error(output_file_open(&file, path, 0600, &error), CLIPCLS_ERR_IO, "out: cannot create");
	output_file_close(&file);
	assert_error(output_file_open(&file, moved, 0600, &error), CLIPCLS_ERR_IO,
	             "is there, and is no regular file");
	output_file_close(&file);
	free(inner);
	free(moved);
	free(path);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_that_do_not_fit_are_no_memory),
		cmocka_unit_test(every_status_has_a_word),
		cmocka_unit_test(every_escape_of_json_is_written),
		cmocka_unit_test(what_xml_has_no_place_for_is_written_as_bytes),
		cmocka_unit_test(code_points_beyond_unicode_are_no_utf8),
		cmocka_unit_test(a_pipe_is_read_up_to_the_limit),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(directories_are_made_up_to_what_is_no_directory),
		cmocka_unit_test(a_file_whose_place_is_gone_is_an_error_and_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
