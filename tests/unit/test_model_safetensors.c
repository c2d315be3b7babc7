#include "test_model.h"

static clipcls_error error;

/* Parses a header with n bytes of data behind it. */
static clipcls_status parse(struct safetensors **out, const char *header, size_t n)
{
	struct buffer file = fixture_file(header, n);
	/* A block of exactly the file's size: a read beyond it is seen by the sanitizer. */
	unsigned char *bytes = memory_new(file.size, 1);
	memcpy(bytes, file.bytes, file.size);
	clipcls_status status = safetensors_open_memory(out, bytes, file.size, "x", &error);
	if (status == CLIPCLS_OK)
		safetensors_free(*out);
	free(bytes);
	buffer_free(&file);
	return status;
}

struct hostile {
	const char *header;
	size_t n;
	const char *message;
};

#define TENSOR(dtype, shape, offsets) \
	"\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void broken_headers_are_format_errors_that_say_why(void **state)
{
	static const struct hostile cases[] = {
		{ "", 0, "x: header is not a JSON object" },
		{ "[]", 0, "x: header is not a JSON object" },
		{ " {}", 0, "x: header is not a JSON object" },
		{ "3", 0, "x: header is not a JSON object" },
		{ "{\"t\":", 0, "x: broken JSON" },
		{ "{} {}", 0, "x: something follows" },
		{ "{\"\xff\":1}", 0, "x: header is not UTF-8" },
		{ "{\"t\":1}", 0, "tensor \"t\": is not described by an object" },
		{ "{\"t\":[]}", 0, "tensor \"t\": is not described by an object" },
		{ "{\"t\":{}}", 0, "tensor \"t\": has no dtype" },
		{ "{\"t\":{\"dtype\":3}}", 0, "tensor \"t\": has no dtype" },
		{ "{\"t\":{\"dtype\":\"F32\"}}", 0, "tensor \"t\": has no shape" },
		{ "{\"t\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "data_offsets are not two whole numbers" },
		{ "{\"t\":{\"dtype\":\"F32\",\"shape\":[],\"more\":1}}", 0, "unknown key \"more\"" },
		{ "{" TENSOR("F32", "{}", "[0,4]") "}", 4, "has no shape" },
		{ "{" TENSOR("F32", "[1.5]", "[0,4]") "}", 4, "a dimension is not a whole number" },
		{ "{" TENSOR("F32", "[-1]", "[0,4]") "}", 4, "a dimension is not a whole number" },
		{ "{" TENSOR("F32", "[\"1\"]", "[0,4]") "}", 4, "a dimension is not a whole number" },
		{ "{" TENSOR("F32", "[1e300]", "[0,4]") "}", 4, "a dimension is not a whole number" },
		{ "{" TENSOR("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") "}", 1, "more than 8 dimensions" },
		{ "{" TENSOR("F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "shape is too large" },
		{ "{" TENSOR("F32", "[4503599627370496,1024]", "[0,0]") "}", 0, "shape is too large" },
		{ "{" TENSOR("F32", "[4294967296,4294967296,0]", "[0,0]") "}", 0, "shape is too large" },
		{ "{" TENSOR("F32", "[1]", "[0]") "}", 4, "data_offsets are not two whole numbers" },
		{ "{" TENSOR("F32", "[1]", "[0,4,8]") "}", 4, "data_offsets are not two whole numbers" },
		{ "{" TENSOR("F32", "[1]", "[0,\"4\"]") "}", 4, "data_offsets are not two whole numbers" },
		{ "{" TENSOR("F32", "[1]", "{\"a\":0,\"b\":4}") "}", 4, "data_offsets are not two" },
		{ "{" TENSOR("F32", "[1]", "[4,0]") "}", 4, "are outside the file's 4 bytes" },
		{ "{" TENSOR("F32", "[1]", "[0,4]") "}", 3, "are outside the file's 3 bytes" },
		{ "{" TENSOR("F32", "[1]", "[9007199254740990,9007199254740992]") "}", 4, "outside" },
		{ "{" TENSOR("F32", "[2]", "[0,4]") "}", 4, "take 8 bytes, data_offsets give 4" },
		{ "{" TENSOR("F32", "[1]", "[0,4]") "}", 5, "x: 5 bytes of data, but the tensors take 4" },
		{ "{" TENSOR("F32", "[1]", "[4,8]") "}", 8, "tensor \"t\": leaves a hole at byte 0" },
		{ "{}", 1, "x: 1 bytes of data, but the tensors take 0" },
		{ "{" TENSOR("F32", "[1]", "[0,4]") "," TENSOR("F32", "[1]", "[4,8]") "}", 8,
		  "key \"t\" stands twice" },
		{ "{\"__metadata__\":[]}", 0, "__metadata__ is not an object of strings" },
		{ "{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ is not an object of strings" },
		{ "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "key \"a\" stands twice" },
	};
	struct safetensors *file = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_error(parse(&file, cases[i].header, cases[i].n), CLIPCLS_ERR_FORMAT,
		             cases[i].message);
		assert_null(file);
		assert_memory_equal(error.message, "x: ", 3);
	}
}

/* Tensors a and b of two bytes each, at the given places. */
static const char *two_tensors(const char *a, const char *b)
{
	static char header[256];
	snprintf(header, sizeof header,
	         "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":%s},"
	         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":%s}}",
	         a, b);
	return header;
}

static void overlaps_and_holes_are_refused_by_name(void **state)
{
	struct safetensors *file = NULL;
	(void)state;
	assert_ok(parse(&file, two_tensors("[0,2]", "[2,4]"), 4));
	assert_ok(parse(&file, two_tensors("[2,4]", "[0,2]"), 4));
	assert_error(parse(&file, two_tensors("[0,2]", "[1,3]"), 3), CLIPCLS_ERR_FORMAT,
	             "x: tensor \"b\": overlaps another at byte 1");
	assert_error(parse(&file, two_tensors("[0,2]", "[0,2]"), 2), CLIPCLS_ERR_FORMAT, "overlaps");
	assert_error(parse(&file, two_tensors("[0,2]", "[3,5]"), 5), CLIPCLS_ERR_FORMAT,
	             "x: tensor \"b\": leaves a hole at byte 2");
	assert_error(parse(&file, two_tensors("[3,5]", "[1,3]"), 5), CLIPCLS_ERR_FORMAT,
	             "x: tensor \"b\": leaves a hole at byte 0");
}

static void an_unknown_dtype_is_unsupported_and_named(void **state)
{
	struct safetensors *file = NULL;
	(void)state;
	assert_error(parse(&file, "{" TENSOR("F4", "[2]", "[0,1]") "}", 1), CLIPCLS_ERR_UNSUPPORTED,
	             "x: tensor \"t\": unknown dtype F4");
}

static void lengths_beyond_file_or_limit_are_refused(void **state)
{
	struct safetensors *file = NULL;
	unsigned char bytes[16] = { 9, 0, 0, 0, 0, 0, 0, 0, '{', '}' };
	(void)state;
	for (size_t n = 0; n < 8; n++)
		assert_error(safetensors_open_memory(&file, bytes, n, "x", &error), CLIPCLS_ERR_FORMAT,
		             "too few");
	assert_error(safetensors_open_memory(&file, bytes, 16, "x", &error), CLIPCLS_ERR_FORMAT,
	             "x: header of 9 bytes is longer than the file");
	memset(bytes, 0xff, 8);
	assert_error(safetensors_open_memory(&file, bytes, 16, "x", &error), CLIPCLS_ERR_FORMAT,
	             "x: header of 18446744073709551615 bytes is above the limit");
	/* 100,000,000 and one more. */
	const unsigned char limit[8] = { 0x00, 0xe1, 0xf5, 0x05 };
	memcpy(bytes, limit, 8);
	assert_error(safetensors_open_memory(&file, bytes, 16, "x", &error), CLIPCLS_ERR_FORMAT,
	             "longer than the file");
	bytes[0]++;
	assert_error(safetensors_open_memory(&file, bytes, 16, "x", &error), CLIPCLS_ERR_FORMAT,
	             "above the limit of 100000000");
}

static void every_truncation_is_refused(void **state)
{
	struct buffer whole = fixture_file(two_tensors("[0,2]", "[2,4]"), 4);
	struct safetensors *file = NULL;
	(void)state;
	for (size_t n = 0; n < whole.size; n++) {
		unsigned char *bytes = memory_new(n, 1);
		memcpy(bytes, whole.bytes, n);
		assert_int_equal(safetensors_open_memory(&file, bytes, n, "x", &error), CLIPCLS_ERR_FORMAT);
		free(bytes);
	}
	buffer_free(&whole);
}

/* A header of n empty tensors. */
static struct buffer many_tensors(size_t n)
{
	struct buffer header = { 0 };
	for (size_t i = 0; i < n; i++)
		buffer_format(&header, "%c\"%zu\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
		              i == 0 ? '{' : ',', i);
	buffer_byte(&header, '}');
	return header;
}

static void more_than_65536_tensors_are_refused(void **state)
{
	struct safetensors *file = NULL;
	struct buffer most = many_tensors(65536), more = many_tensors(65537);
	(void)state;
	assert_ok(parse(&file, most.bytes, 0));
	assert_error(parse(&file, more.bytes, 0), CLIPCLS_ERR_FORMAT, "x: more than 65536 tensors");
	buffer_free(&most);
	buffer_free(&more);
}

static void tensors_are_found_with_their_data(void **state)
{
	struct safetensors *file = NULL;
	struct buffer whole =
	    fixture_file("{\"__metadata__\":{\"k\":\"v\"},\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],"
	                 "\"data_offsets\":[1,13]},\"a\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_"
	                 "offsets\":[0,1]}}  ",
	                 13);
	(void)state;
	assert_ok(safetensors_open_memory(&file, whole.bytes, whole.size, "x", &error));
	assert_int_equal(safetensors_count(file), 2);
	const struct safetensors_tensor *b = safetensors_find(file, "b");
	assert_int_equal(b->rank, 2);
	assert_int_equal(b->shape[1], 3);
	assert_int_equal(b->bytes, 12);
	assert_int_equal(b->data[0], 1);
	assert_ptr_equal(safetensors_at(file, safetensors_index(file, b)), b);
	assert_null(safetensors_find(file, "c"));
	assert_string_equal(safetensors_metadata(file, "k"), "v");
	assert_null(safetensors_metadata(file, "l"));
	assert_int_equal(safetensors_file_bytes(file), whole.size);
	safetensors_free(file);
	buffer_free(&whole);
}

/* Opens an index of the given text in a directory with shards a and b of one tensor each. */
static clipcls_status open_index(const char *text)
{
	struct safetensors *file = NULL;
	char *directory = fixture_directory();
	struct buffer a =
	    fixture_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
	struct buffer b =
	    fixture_file("{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1);
	fixture_write(directory, "a.safetensors", a.bytes, a.size);
	fixture_write(directory, "a2.safetensors", a.bytes, a.size);
	fixture_write(directory, "b.safetensors", b.bytes, b.size);
	fixture_write_text(directory, "index.json", text);
	char *path = path_join(directory, "index.json");
	clipcls_status status = safetensors_open_index(&file, path, &error);
	safetensors_free(file);
	free(path);
	buffer_free(&a);
	buffer_free(&b);
	fixture_remove(directory);
	return status;
}

static void an_index_and_its_shards_agree_or_are_refused(void **state)
{
	static const struct {
		const char *map;
		const char *message;
	} cases[] = {
		{ "{\"a\":\"a.safetensors\",\"b\":\"../b.safetensors\"}", "is not a file name" },
		{ "{\"a\":\"/etc/passwd\"}", "tensor \"a\": \"/etc/passwd\" is not a file name" },
		{ "{\"a\":\"..\"}", "is not a file name" },
		{ "{\"a\":\"\"}", "is not a file name" },
		{ "{\"a\":1}", "is not a file name" },
		{ "{\"a\":\"a.safetensors\",\"b\":\"a.safetensors\"}",
		  "tensor \"b\" is not in a.safetensors" },
		{ "{\"a\":\"b.safetensors\",\"b\":\"a.safetensors\"}",
		  "tensor \"a\" is not in b.safetensors" },
		{ "{\"c\":\"a.safetensors\"}", "tensor \"c\" is not in a.safetensors" },
		{ "{\"a\":\"a.safetensors\",\"b\":\"a2.safetensors\"}",
		  "tensor \"a\" stands in another shard" },
		{ "{\"a\":\"a.safetensors\",\"a\":\"a.safetensors\"}", "key \"a\" stands twice" },
		{ "{}", "has no weight_map" },
		{ "[]", "has no weight_map" },
	};
	char text[256];
	(void)state;
	assert_ok(open_index("{\"weight_map\":{\"a\":\"a.safetensors\",\"b\":\"b.safetensors\"}}"));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, "{\"weight_map\":%s}", cases[i].map);
		assert_error(open_index(text), CLIPCLS_ERR_FORMAT, cases[i].message);
	}
	assert_error(open_index("{\"weight_map\":{\"a\":\"none.safetensors\"}}"), CLIPCLS_ERR_IO,
	             "none.safetensors");
	assert_error(open_index("3"), CLIPCLS_ERR_FORMAT, "has no weight_map");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_headers_are_format_errors_that_say_why),
		cmocka_unit_test(overlaps_and_holes_are_refused_by_name),
		cmocka_unit_test(an_unknown_dtype_is_unsupported_and_named),
		cmocka_unit_test(lengths_beyond_file_or_limit_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(more_than_65536_tensors_are_refused),
		cmocka_unit_test(tensors_are_found_with_their_data),
		cmocka_unit_test(an_index_and_its_shards_agree_or_are_refused),
	};
	return cmocka_run_group_tests_name("model_safetensors", tests, NULL, NULL);
}
