/* Single files in int8 (format version 3). */
#include "test_model.h"

#include "model/quantized.h"
#include "model/single.h"

#include <float.h>
#include <math.h>

#define WEIGHT "vision_model.encoder.layers.0.mlp.fc1.weight" /* (16, 8) */
#define SCALES WEIGHT "_scale"

static clipcls_error error;

/* A single file in int8, in memory that is aligned as a mapping is. */
struct file {
	char *bytes;
	size_t size;
};

static struct file make_file(void)
{
	struct file file;
	char *bytes = NULL;
	make_single(&bytes, &file.size, "int8");
	file.bytes = (char *)memory_floats(file.size / 4 + 1);
	memcpy(file.bytes, bytes, file.size);
	free(bytes);
	return file;
}

/* Opens the file and fetches every tensor. */
static clipcls_status read_file(const struct file *file)
{
	struct checkpoint *checkpoint = NULL;
	struct loaded loaded = { 0 };
	clipcls_status status =
	    checkpoint_open_memory(&checkpoint, file->bytes, file->size, "x", &error);
	if (status == CLIPCLS_OK)
		status = load(&loaded, checkpoint, NULL, &error);
	unload(&loaded);
	checkpoint_free(checkpoint);
	return status;
}

static void weights_come_back_within_half_a_step_and_all_else_as_it_was(void **state)
{
	struct file file = make_file();
	struct checkpoint *checkpoint = NULL;
	struct loaded loaded = { 0 };
	struct pool *pool = NULL;
	size_t quantized = 0;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	assert_ok(checkpoint_open_memory(&checkpoint, file.bytes, file.size, "x", &error));
	assert_ok(load(&loaded, checkpoint, pool, &error));
	for (size_t t = 0; t < loaded.count; t++) {
		const struct tensor_spec *spec = &loaded.specs[t];
		size_t n = tensor_elements(spec), columns = spec->linear ? spec->shape[1] : n;
		quantized += spec->linear;
		for (size_t row = 0; row < n; row += columns) {
			double step = 0;
			for (size_t i = row; i < row + columns && spec->linear; i++)
				step = fmax(step, fabs(fixture_value(t, i)) / 127);
			for (size_t i = row; i < row + columns; i++)
				assert_true(fabs((double)loaded.floats[t][i] - fixture_value(t, i)) <=
				            0.5001 * step);
		}
	}
	assert_int_equal(quantized, 12);
	assert_string_equal(checkpoint_dtype(checkpoint), "I8");
	assert_int_equal(checkpoint_tensor_count(checkpoint), loaded.count);
	unload(&loaded);
	checkpoint_free(checkpoint);
	pool_free(pool);
	free(file.bytes);
}

/* What one tensor is given as. */
struct given {
	const float *floats, *blocks;
	struct quantized_weight quantized;
};

static struct given ask(struct checkpoint *checkpoint, const char *name, bool dequantized)
{
	struct given given = { NULL, NULL, { NULL, NULL } };
	struct weight_request request = { .out = &given.floats,
		                              .blocks = &given.blocks,
		                              .quantized = &given.quantized,
		                              .dequantized = dequantized };
	snprintf(request.name, sizeof request.name, "%s", name);
	assert_ok(checkpoint_weights(checkpoint, &request, 1, NULL, &error));
	return given;
}

static void the_mapping_has_what_quantizing_the_source_gives(void **state)
{
	enum { N = 16, K = 8 };
	struct file file = make_file();
	struct checkpoint *checkpoint = NULL, *source = NULL;
	char *directory = fixture_checkpoint();
	(void)state;
	assert_ok(checkpoint_open(&source, directory, NULL, &error));
	assert_ok(checkpoint_open_memory(&checkpoint, file.bytes, file.size, "x", &error));
	struct given exact = ask(source, WEIGHT, false), given = ask(checkpoint, WEIGHT, false);
	assert_null(exact.quantized.values);
	assert_null(given.floats);
	assert_true((const char *)given.quantized.values > file.bytes &&
	            (const char *)given.quantized.values < file.bytes + file.size);
	const float *floats = ask(checkpoint, WEIGHT, true).floats;
	for (size_t n = 0; n < N; n++) {
		int8_t values[K];
		float scale;
		int32_t sum;
		quantize_weight(values, &scale, &sum, exact.floats + n * K, K, 127);
		assert_true(quantized_scale(&given.quantized, n) == scale);
		assert_memory_equal(given.quantized.values + n * K, values, K);
		assert_int_equal(quantized_sum(values, K), sum);
		for (size_t k = 0; k < K; k++)
			assert_true(floats[n * K + k] == scale * (float)values[k]);
	}
	given = ask(checkpoint, "text_projection.weight", false);
	assert_null(given.quantized.values);
	assert_non_null(given.floats);
	checkpoint_free(source);
	checkpoint_free(checkpoint);
	fixture_remove(directory);
	free(file.bytes);
}

/* More spaces at the header's end. */
static void widen_header(struct file *file, size_t n)
{
	uint64_t length;
	memcpy(&length, file->bytes, sizeof length);
	size_t end = 8 + length;
	file->bytes = realloc(file->bytes, file->size + n);
	assert_non_null(file->bytes);
	memmove(file->bytes + end + n, file->bytes + end, file->size - end);
	memset(file->bytes + end, ' ', n);
	file->size += n;
	length += n;
	memcpy(file->bytes, &length, sizeof length);
}

/* Replaces the first `old` in the header. */
static void edit_header(struct file *file, const char *old, const char *new)
{
	uint64_t length;
	size_t grown = strlen(new) - strlen(old);
	if (grown > 0)
		widen_header(file, 64);
	memcpy(&length, file->bytes, sizeof length);
	char *header = file->bytes + 8, *end = header + length;
	char *place = memmem(header, length, old, strlen(old));
	assert_non_null(place);
	memmove(place + strlen(new), place + strlen(old), (size_t)(end - place) - strlen(old) - grown);
	memcpy(place, new, strlen(new));
}

/* Overwrites bytes of a tensor and sets its checksum right. */
static void overwrite(struct file *file, const char *name, size_t place, const void *bytes,
                      size_t n)
{
	struct safetensors *tensors = NULL;
	char old[256], new[256], text[SINGLE_CHECKSUM_SIZE];
	assert_ok(safetensors_open_memory(&tensors, file->bytes, file->size, "x", &error));
	const struct safetensors_tensor *tensor = safetensors_find(tensors, name);
	single_checksum_text(text, single_tensor_checksum(tensor));
	snprintf(old, sizeof old, "\\\"%s\\\":\\\"%s", name, text);
	memcpy(file->bytes + (tensor->data - (const unsigned char *)file->bytes) + place, bytes, n);
	single_checksum_text(text, single_tensor_checksum(tensor));
	snprintf(new, sizeof new, "\\\"%s\\\":\\\"%s", name, text);
	safetensors_free(tensors);
	edit_header(file, old, new);
}

/* Writes the file into `directory`, converts it there and gives the result's bytes. */
static struct file convert_again(const char *directory, const struct file *file, const char *dtype)
{
	struct file out = { 0 };
	char *from = path_join(directory, "from.safetensors");
	char *to = path_join(directory, "to.safetensors");
	fixture_write(directory, "from.safetensors", file->bytes, file->size);
	assert_ok(clipcls_convert(from, to, dtype, NULL, &error));
	assert_ok(file_read(&out.bytes, &out.size, to, SIZE_MAX / 4, &error));
	free(from);
	free(to);
	return out;
}

static void converting_again_keeps_int8_and_otherwise_gives_its_floats(void **state)
{
	static const char *const same[] = { NULL, "int8" };
	struct file file = make_file();
	struct checkpoint *checkpoint = NULL, *converted = NULL;
	struct loaded a = { 0 }, b = { 0 };
	char *directory = fixture_directory();
	static const int8_t small[8] = { 5, -4, 3, 2, 1, 0, -1, -2 };
	(void)state;
	/* Quantizing anew would make a 127 of the largest. */
	overwrite(&file, WEIGHT, 8, small, sizeof small);
	for (size_t i = 0; i < 2; i++) {
		struct file again = convert_again(directory, &file, same[i]);
		assert_int_equal(again.size, file.size);
		assert_memory_equal(again.bytes, file.bytes, file.size);
		free(again.bytes);
	}
	struct file floats = convert_again(directory, &file, "f32");
	assert_ok(checkpoint_open_memory(&checkpoint, file.bytes, file.size, "x", &error));
	assert_ok(checkpoint_open_memory(&converted, floats.bytes, floats.size, "x", &error));
	assert_string_equal(checkpoint_dtype(converted), "F32");
	assert_int_equal(checkpoint_parameters(checkpoint, ""), checkpoint_parameters(converted, ""));
	assert_true(floats.size > file.size);
	assert_ok(load(&a, checkpoint, NULL, &error));
	assert_ok(load(&b, converted, NULL, &error));
	for (size_t t = 0; t < a.count; t++)
		assert_memory_equal(a.floats[t], b.floats[t], tensor_elements(&a.specs[t]) * sizeof(float));
	unload(&a);
	unload(&b);
	checkpoint_free(checkpoint);
	checkpoint_free(converted);
	free(floats.bytes);
	free(file.bytes);
	fixture_remove(directory);
}

static void missing_and_misshapen_scales_and_other_dtypes_are_named(void **state)
{
	static const struct {
		const char *old, *new, *message;
		clipcls_status status;
	} cases[] = {
		{ "\"" SCALES "\":{\"dtype\":\"F32\",\"shape\":[16]",
		  "\"" SCALES "\":{\"dtype\":\"F32\",\"shape\":[8,2]",
		  "x: tensor \"" SCALES "\" has shape (8, 2), the config calls for (16)",
		  CLIPCLS_ERR_FORMAT },
		{ "\"" SCALES "\":{\"dtype\":\"F32\"", "\"" SCALES "\":{\"dtype\":\"I32\"",
		  "x: tensor \"" SCALES "\" is I32; scales are read as F32", CLIPCLS_ERR_UNSUPPORTED },
		{ "\"" WEIGHT "\":{\"dtype\":\"I8\"", "\"" WEIGHT "\":{\"dtype\":\"U8\"",
		  "x: tensor \"" WEIGHT "\" is U8; format_version 3 has it as I8",
		  CLIPCLS_ERR_UNSUPPORTED },
		{ "\"" WEIGHT "\":{\"dtype\":\"I8\",\"shape\":[16,8]",
		  "\"" WEIGHT "\":{\"dtype\":\"I8\",\"shape\":[8,16]",
		  "x: tensor \"" WEIGHT "\" has shape (8, 16), the config calls for (16, 8)",
		  CLIPCLS_ERR_FORMAT },
		{ "\"format_version\":\"3\"", "\"format_version\":\"1\"", "is I8; weights are read as",
		  CLIPCLS_ERR_UNSUPPORTED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct file file = make_file();
		edit_header(&file, cases[i].old, cases[i].new);
		assert_error(read_file(&file), cases[i].status, cases[i].message);
		free(file.bytes);
	}
	struct file file = make_file();
	edit_header(&file, SCALES "\\\":", WEIGHT "_scald\\\":"); /* among the checksums */
	edit_header(&file, SCALES "\":", WEIGHT "_scald\":");
	assert_error(read_file(&file), CLIPCLS_ERR_FORMAT, "x: tensor \"" SCALES "\" is missing");
	free(file.bytes);
}

static void scales_and_values_out_of_range_are_named(void **state)
{
	static const float bad[] = { NAN, INFINITY, -INFINITY, -1e-3f, FLT_MAX / 126 };
	static const float good[] = { 0, -0.0f, 1e-42f, FLT_MAX / 128 };
	static const int8_t lowest = -128, low = -127;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct file file = make_file();
		overwrite(&file, SCALES, 15 * sizeof(float), &bad[i], sizeof(float));
		assert_error(read_file(&file), CLIPCLS_ERR_FORMAT,
		             "x: tensor \"" SCALES "\" holds a scale that is negative, NaN, infinite");
		free(file.bytes);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct file file = make_file();
		overwrite(&file, SCALES, 15 * sizeof(float), &good[i], sizeof(float));
		assert_ok(read_file(&file));
		free(file.bytes);
	}
	struct file file = make_file();
	overwrite(&file, WEIGHT, 127, &low, 1);
	assert_ok(read_file(&file));
	overwrite(&file, WEIGHT, 127, &lowest, 1);
	assert_error(read_file(&file), CLIPCLS_ERR_FORMAT, "x: tensor \"" WEIGHT "\" holds -128");
	free(file.bytes);
}

/* Puts a value into the source's weight and converts that to int8. */
static clipcls_status convert_with(float value)
{
	struct safetensors *tensors = NULL;
	struct buffer weights = fixture_weights(NULL, "");
	char *directory = fixture_directory(), *out = path_join(directory, "out.safetensors");
	assert_ok(safetensors_open_memory(&tensors, weights.bytes, weights.size, "x", &error));
	const unsigned char *data = safetensors_find(tensors, WEIGHT)->data;
	memcpy(weights.bytes + (data - (const unsigned char *)weights.bytes) + 40, &value,
	       sizeof value);
	safetensors_free(tensors);
	fixture_write_text(directory, "config.json", fixture_config);
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	clipcls_status status = clipcls_convert(directory, out, "int8", NULL, &error);
	assert_int_equal(file_exists(out), status == CLIPCLS_OK);
	buffer_free(&weights);
	free(out);
	fixture_remove(directory);
	return status;
}

static void what_int8_cannot_hold_is_refused(void **state)
{
	(void)state;
	assert_ok(convert_with(FLT_MAX / 2));
	assert_error(convert_with(FLT_MAX), CLIPCLS_ERR_ARGUMENT,
	             "\"" WEIGHT "\" has values beyond the range of int8");
	assert_error(convert_with(NAN), CLIPCLS_ERR_FORMAT, "\"" WEIGHT "\" holds NaN or infinity");
	assert_error(convert_with(-INFINITY), CLIPCLS_ERR_FORMAT, "holds NaN or infinity");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_come_back_within_half_a_step_and_all_else_as_it_was),
		cmocka_unit_test(the_mapping_has_what_quantizing_the_source_gives),
		cmocka_unit_test(converting_again_keeps_int8_and_otherwise_gives_its_floats),
		cmocka_unit_test(missing_and_misshapen_scales_and_other_dtypes_are_named),
		cmocka_unit_test(scales_and_values_out_of_range_are_named),
		cmocka_unit_test(what_int8_cannot_hold_is_refused),
	};
	return cmocka_run_group_tests_name("model_quantized", tests, NULL, NULL);
}
