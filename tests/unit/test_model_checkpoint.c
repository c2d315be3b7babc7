#include "test_model.h"

#include "model/config.h"

static clipcls_error error;

static void assert_fixture_values(const struct loaded *loaded)
{
	for (size_t t = 0; t < loaded->count; t++)
		for (size_t i = 0; i < tensor_elements(&loaded->specs[t]); i++)
			assert_true(loaded->floats[t][i] == fixture_value(t, i));
}

static void f32_weights_are_the_mapping_itself(void **state)
{
	char *directory = fixture_checkpoint();
	struct checkpoint *checkpoint = NULL;
	struct loaded loaded = { 0 };
	(void)state;
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_ok(load(&loaded, checkpoint, NULL, &error));
	assert_fixture_values(&loaded);
	assert_string_equal(checkpoint_layout(checkpoint), "huggingface");
	assert_string_equal(checkpoint_dtype(checkpoint), "F32");
	/* Neighbours in the file are neighbours in memory. */
	assert_ptr_equal(loaded.floats[1], loaded.floats[0] + 1);
	checkpoint_release(checkpoint, "", NULL);
	unload(&loaded);
	assert_ok(load(&loaded, checkpoint, NULL, &error));
	assert_fixture_values(&loaded);
	unload(&loaded);
	checkpoint_free(checkpoint);
	fixture_remove(directory);
}

static void converted_files_give_the_same_values_in_every_dtype(void **state)
{
	static const char *const dtypes[] = { NULL, "f32", "f16", "bf16" };
	static const char *const names[] = { "F32", "F32", "F16", "BF16" };
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (size_t d = 0; d < 4; d++) {
		struct checkpoint *checkpoint = NULL;
		struct loaded loaded = { 0 }, again = { 0 };
		char *bytes = NULL;
		size_t size, n;
		make_single(&bytes, &size, dtypes[d]);
		assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, "x", &error));
		assert_string_equal(checkpoint_dtype(checkpoint), names[d]);
		assert_ok(load(&loaded, checkpoint, pool, &error));
		assert_fixture_values(&loaded);
		assert_ok(load(&again, checkpoint, NULL, &error));
		assert_memory_equal(loaded.floats, again.floats, loaded.count * sizeof *loaded.floats);
		assert_memory_equal(checkpoint_class_names(checkpoint, &n), "cat\ndog\n", 8);
		assert_int_equal(n, 8);
		assert_int_equal(checkpoint_tokenizer_files(checkpoint)->vocab_size, 8);
		checkpoint_release(checkpoint, "text_", pool);
		checkpoint_release(checkpoint, "", NULL);
		unload(&again);
		assert_ok(load(&again, checkpoint, pool, &error));
		assert_fixture_values(&again);
		unload(&loaded);
		unload(&again);
		checkpoint_free(checkpoint);
		free(bytes);
	}
	pool_free(pool);
}

static void rows_are_those_of_the_matrix(void **state)
{
	struct checkpoint *checkpoint = NULL;
	struct weight_rows rows;
	char *bytes = NULL;
	size_t size;
	float row[8];
	(void)state;
	make_single(&bytes, &size, "f16");
	assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, "x", &error));
	assert_ok(
	    checkpoint_rows(checkpoint, &rows, "text_model.embeddings.token_embedding.weight", &error));
	assert_int_equal(rows.rows, 11);
	assert_int_equal(rows.width, 8);
	for (size_t r = 0; r < rows.rows; r++) {
		weight_rows_get(row, &rows, r);
		for (size_t i = 0; i < 8; i++)
			assert_true(row[i] == fixture_value(1, r * 8 + i));
	}
	assert_error(checkpoint_rows(checkpoint, &rows, "logit_scale", &error), CLIPCLS_ERR_ARGUMENT,
	             "logit_scale");
	assert_error(checkpoint_rows(checkpoint, &rows, "none", &error), CLIPCLS_ERR_ARGUMENT, "none");
	checkpoint_free(checkpoint);
	free(bytes);
}

/* Opens the fixture with another config or other weights. */
static clipcls_status open_changed(const char *config, const char *skip, const char *more)
{
	struct checkpoint *checkpoint = NULL;
	char *directory = fixture_directory();
	struct buffer weights = fixture_weights(skip, more);
	fixture_write_text(directory, "config.json", config);
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	clipcls_status status = checkpoint_open(&checkpoint, directory, NULL, &error);
	checkpoint_free(checkpoint);
	buffer_free(&weights);
	fixture_remove(directory);
	return status;
}

/* The fixture's config with its first `old` replaced. */
static const char *edited(const char *old, const char *new)
{
	static char text[2048];
	const char *place = strstr(fixture_config, old);
	assert_non_null(place);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(place - fixture_config), fixture_config, new,
	         place + strlen(old));
	return text;
}

static void missing_extra_and_misshapen_tensors_are_named(void **state)
{
	(void)state;
	assert_ok(open_changed(fixture_config, NULL, ""));
	assert_error(open_changed(fixture_config, "vision_model.pre_layrnorm.bias", ""),
	             CLIPCLS_ERR_FORMAT,
	             "model.safetensors: tensor \"vision_model.pre_layrnorm.bias\" is missing");
	assert_error(open_changed(edited("\"hidden_size\":8", "\"hidden_size\":16"), NULL, ""),
	             CLIPCLS_ERR_FORMAT,
	             "tensor \"text_model.embeddings.token_embedding.weight\" has shape (11, 8), the "
	             "config calls for (11, 16)");
	assert_error(
	    open_changed(edited("\"num_hidden_layers\":1", "\"num_hidden_layers\":2"), NULL, ""),
	    CLIPCLS_ERR_FORMAT, "tensor \"text_model.encoder.layers.1.layer_norm1.weight\" is missing");
	const char more[] = ",\"more\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
	assert_error(open_changed(fixture_config, NULL, more), CLIPCLS_ERR_FORMAT,
	             "model.safetensors: tensor \"more\" is not one that the config calls for");
	const char ids[] =
	    ",\"a.position_ids\":{\"dtype\":\"I64\",\"shape\":[1,0],\"data_offsets\":[0,0]}";
	assert_ok(open_changed(fixture_config, NULL, ids));
	const char eights[] =
	    ",\"logit_scale\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[0,0]}";
	assert_error(open_changed(fixture_config, "logit_scale", eights), CLIPCLS_ERR_UNSUPPORTED,
	             "tensor \"logit_scale\" is I64");
}

static void configs_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *old, *new;
		clipcls_status status;
		const char *message;
	} cases[] = {
		{ "\"model_type\":\"clip\"", "\"model_type\":\"bert\"", CLIPCLS_ERR_UNSUPPORTED,
		  "config.json: model_type = \"bert\" is not supported" },
		{ "\"num_attention_heads\":2", "\"hidden_act\":\"mish\"", CLIPCLS_ERR_UNSUPPORTED,
		  "config.json: text_config.hidden_act = \"mish\" is not supported" },
		{ "\"num_attention_heads\":2", "\"num_attention_heads\":3", CLIPCLS_ERR_FORMAT,
		  "text tower: width 8 is not a multiple of 3 heads" },
		{ "\"num_attention_heads\":2", "\"num_attention_heads\":0", CLIPCLS_ERR_FORMAT,
		  "text tower: heads of 0 is out of range" },
		{ "\"hidden_size\":8", "\"hidden_size\":-8", CLIPCLS_ERR_FORMAT,
		  "text_config.hidden_size is not a whole number" },
		{ "\"hidden_size\":8", "\"hidden_size\":9007199254740992", CLIPCLS_ERR_FORMAT,
		  "out of range" },
		{ "\"num_hidden_layers\":1", "\"num_hidden_layers\":2000000000", CLIPCLS_ERR_FORMAT,
		  "text_model.encoder.layers.1.layer_norm1.weight\" is missing" },
		{ "\"patch_size\":4", "\"patch_size\":9", CLIPCLS_ERR_FORMAT,
		  "image_size 8 is below patch_size 9" },
		{ "\"image_size\":8", "\"image_size\":[8,4]", CLIPCLS_ERR_UNSUPPORTED,
		  "vision_config.image_size = [8,4] is not supported" },
		{ "\"image_size\":8", "\"image_size\":1000000000", CLIPCLS_ERR_FORMAT, "image_size" },
		{ "\"text_config\":{", "\"text_config\":3,\"x\":{", CLIPCLS_ERR_FORMAT,
		  "text_config is not an object" },
		{ "{\"model_type\"", "[", CLIPCLS_ERR_FORMAT, "broken JSON" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_error(open_changed(edited(cases[i].old, cases[i].new), NULL, ""), cases[i].status,
		             cases[i].message);
	assert_error(open_changed("[]", NULL, ""), CLIPCLS_ERR_FORMAT, "is not an object");
}

/* Whether two single files, the second one damaged, read as the same; an error counts as seen. */
static bool same_or_refused(const char *bytes, const char *damaged, size_t size)
{
	struct checkpoint *good = NULL, *bad = NULL;
	struct loaded a = { 0 }, b = { 0 };
	bool same = true;
	if (checkpoint_open_memory(&bad, damaged, size, "x", &error) == CLIPCLS_OK) {
		assert_ok(checkpoint_open_memory(&good, bytes, size, "x", &error));
		assert_ok(load(&a, good, NULL, &error));
		if (load(&b, bad, NULL, &error) == CLIPCLS_OK) {
			const struct tokenizer_files *f = checkpoint_tokenizer_files(good);
			const struct tokenizer_files *g = checkpoint_tokenizer_files(bad);
			size_t n, m;
			const char *classes = checkpoint_class_names(good, &n);
			const char *other_classes = checkpoint_class_names(bad, &m);
			same = memcmp(checkpoint_config(good), checkpoint_config(bad),
			              sizeof(struct model_config)) == 0 &&
			       g->vocab != NULL && g->merges != NULL && g->tokenizer_json == NULL &&
			       f->vocab_size == g->vocab_size && f->merges_size == g->merges_size &&
			       memcmp(f->vocab, g->vocab, f->vocab_size) == 0 &&
			       memcmp(f->merges, g->merges, f->merges_size) == 0 && n == m &&
			       memcmp(classes, other_classes, n) == 0 && a.count == b.count;
			for (size_t t = 0; t < a.count && same; t++)
				same = memcmp(a.floats[t], b.floats[t],
				              tensor_elements(&a.specs[t]) * sizeof(float)) == 0;
		}
		unload(&a);
		unload(&b);
	}
	checkpoint_free(good);
	checkpoint_free(bad);
	return same;
}

static size_t header_end(const char *bytes)
{
	uint64_t length;
	memcpy(&length, bytes, sizeof length);
	return (size_t)length + 8;
}

static void check_flipped_header_bytes(const char *dtype)
{
	char *bytes = NULL;
	size_t size;
	make_single(&bytes, &size, dtype);
	/* Aligned as a mapping is. */
	char *damaged = (char *)memory_floats(size / 4 + 1);
	for (size_t i = 0; i < header_end(bytes); i++) {
		/* The lowest bit turns digits and letters into others, 0x20 changes case. */
		const int masks[] = { 0x01, 0x20, 1 << i % 8 };
		for (size_t m = 0; m < 3; m++) {
			memcpy(damaged, bytes, size);
			damaged[i] = (char)(damaged[i] ^ masks[m]);
			if (!same_or_refused(bytes, damaged, size))
				fail_msg("%s: byte %zu with %02x flipped is silently wrong", dtype, i,
				         (unsigned)masks[m]);
		}
	}
	free(damaged);
	free(bytes);
}

static void no_flipped_header_byte_is_silently_wrong(void **state)
{
	(void)state;
	check_flipped_header_bytes("f16");
	check_flipped_header_bytes("int8");
}

/* Returns how many bytes were flipped. */
static size_t check_flipped_data_bytes(const char *dtype)
{
	char *bytes = NULL;
	size_t size, flips = 0;
	make_single(&bytes, &size, dtype);
	char *damaged = (char *)memory_floats(size / 4 + 1);
	for (size_t i = header_end(bytes); i < size; i += flips % 2, flips++) {
		struct checkpoint *checkpoint = NULL;
		struct loaded loaded = { 0 };
		memcpy(damaged, bytes, size);
		damaged[i] = (char)(damaged[i] ^ 1 << (i + 4 * flips) % 8);
		clipcls_status status = checkpoint_open_memory(&checkpoint, damaged, size, "x", &error);
		if (status == CLIPCLS_OK)
			status = load(&loaded, checkpoint, NULL, &error);
		assert_int_equal(status, CLIPCLS_ERR_FORMAT);
		assert_non_null(strstr(error.message, "x: tensor \""));
		assert_non_null(strstr(error.message, "is damaged"));
		unload(&loaded);
		checkpoint_free(checkpoint);
	}
	free(damaged);
	free(bytes);
	return flips;
}

static void every_flipped_data_byte_is_detected_by_name(void **state)
{
	(void)state;
	assert_true(check_flipped_data_bytes("f32") > 10000);
	assert_true(check_flipped_data_bytes("int8") > 5000);
}

static void damaged_rows_are_detected_when_opened(void **state)
{
	static const char name[] = "text_model.embeddings.token_embedding.weight";
	struct safetensors *file = NULL;
	struct checkpoint *checkpoint = NULL;
	struct weight_rows rows;
	char *bytes = NULL;
	size_t size;
	(void)state;
	make_single(&bytes, &size, NULL);
	assert_ok(safetensors_open_memory(&file, bytes, size, "x", &error));
	size_t place = (size_t)(safetensors_find(file, name)->data - (const unsigned char *)bytes);
	safetensors_free(file);
	bytes[place + 5] ^= 4;
	assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, "x", &error));
	assert_error(checkpoint_rows(checkpoint, &rows, name, &error), CLIPCLS_ERR_FORMAT,
	             "x: tensor \"text_model.embeddings.token_embedding.weight\" is damaged");
	checkpoint_free(checkpoint);
	free(bytes);
}

static void truncated_single_files_are_refused(void **state)
{
	struct checkpoint *checkpoint = NULL;
	char *bytes = NULL;
	size_t size;
	(void)state;
	make_single(&bytes, &size, "f16");
	for (size_t n = 0; n < size; n += n < 16 ? 1 : 97)
		assert_int_equal(checkpoint_open_memory(&checkpoint, bytes, n, "x", &error),
		                 CLIPCLS_ERR_FORMAT);
	free(bytes);
}

static void another_format_version_is_unsupported(void **state)
{
	struct checkpoint *checkpoint = NULL;
	char *bytes = NULL;
	size_t size;
	(void)state;
	make_single(&bytes, &size, NULL);
	char *place = strstr(bytes + 8, "\"format_version\":\"1\"");
	place[strlen("\"format_version\":\"")] = '4';
	assert_error(checkpoint_open_memory(&checkpoint, bytes, size, "x", &error),
	             CLIPCLS_ERR_UNSUPPORTED, "x: format_version 4 is none of 1, 2, 3");
	free(bytes);
	struct buffer plain = fixture_weights(NULL, "");
	assert_error(checkpoint_open_memory(&checkpoint, plain.bytes, plain.size, "x", &error),
	             CLIPCLS_ERR_FORMAT, "not written by clipcls convert");
	buffer_free(&plain);
}

static void convert_refuses_what_it_cannot_keep(void **state)
{
	char *directory = fixture_checkpoint();
	char *path = path_join(directory, "out.safetensors");
	(void)state;
	assert_error(clipcls_convert(directory, path, "f64", NULL, &error), CLIPCLS_ERR_ARGUMENT,
	             "f64");
	assert_error(clipcls_convert(directory, "/nonexistent/out", NULL, NULL, &error), CLIPCLS_ERR_IO,
	             "/nonexistent/out: cannot create");
	fixture_write_text(directory, "classes.txt", "\xff");
	assert_error(clipcls_convert(directory, path, NULL, NULL, &error), CLIPCLS_ERR_FORMAT,
	             "classes.txt: is not UTF-8");
	assert_false(file_exists(path));
	free(path);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(f32_weights_are_the_mapping_itself),
		cmocka_unit_test(converted_files_give_the_same_values_in_every_dtype),
		cmocka_unit_test(rows_are_those_of_the_matrix),
		cmocka_unit_test(missing_extra_and_misshapen_tensors_are_named),
		cmocka_unit_test(configs_that_make_no_sense_are_refused),
		cmocka_unit_test(no_flipped_header_byte_is_silently_wrong),
		cmocka_unit_test(every_flipped_data_byte_is_detected_by_name),
		cmocka_unit_test(damaged_rows_are_detected_when_opened),
		cmocka_unit_test(truncated_single_files_are_refused),
		cmocka_unit_test(another_format_version_is_unsupported),
		cmocka_unit_test(convert_refuses_what_it_cannot_keep),
	};
	return cmocka_run_group_tests_name("model_checkpoint", tests, NULL, NULL);
}
