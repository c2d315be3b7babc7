/* Single files whose linear weights are in blocks (format version 2): of towers whose widths are
 * multiples of 64. */
#include "test_model.h"

static clipcls_error error;

static const char wide_config[] =
    "{\"model_type\":\"clip\",\"projection_dim\":5,"
    "\"text_config\":{\"hidden_size\":64,\"intermediate_size\":128,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":1,\"vocab_size\":11,\"max_position_embeddings\":6,"
    "\"eos_token_id\":10},"
    "\"vision_config\":{\"hidden_size\":64,\"intermediate_size\":128,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":1,\"image_size\":8,\"patch_size\":4}}";

/* All tensors of the config in F32, whose values F16 and BF16 hold, too. */
static struct buffer wide_weights(void)
{
	struct model_config config = fixture_model_config();
	config.text.transformer.width = config.vision.vit.transformer.width = 64;
	config.text.transformer.mlp_width = config.vision.vit.transformer.mlp_width = 128;
	config.text.transformer.heads = config.vision.vit.transformer.heads = 1;
	return fixture_weights_of(&config, NULL, "");
}

/* The converted file, aligned as a mapping is. */
static char *wide_file(size_t *size, const char *dtype)
{
	char *directory = fixture_directory(), *bytes = NULL;
	char *path = path_join(directory, "out.safetensors");
	struct buffer weights = wide_weights();
	fixture_write_text(directory, "config.json", wide_config);
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	assert_ok(clipcls_convert(directory, path, dtype, NULL, &error));
	assert_ok(file_read(&bytes, size, path, SIZE_MAX / 4, &error));
	char *aligned = (char *)memory_floats(*size / 4 + 1);
	memcpy(aligned, bytes, *size);
	free(bytes);
	buffer_free(&weights);
	free(path);
	fixture_remove(directory);
	return aligned;
}

static void blocks_hold_the_same_values_in_every_dtype(void **state)
{
	static const char *const dtypes[] = { NULL, "f32", "f16", "bf16" };
	(void)state;
	for (size_t d = 0; d < 4; d++) {
		struct checkpoint *checkpoint = NULL;
		struct loaded loaded = { 0 };
		size_t size;
		char *bytes = wide_file(&size, dtypes[d]);
		assert_non_null(memmem(bytes, size, ".blocked\"", 9));
		assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, "x", &error));
		assert_ok(load(&loaded, checkpoint, NULL, &error));
		for (size_t t = 0; t < loaded.count; t++)
			for (size_t i = 0; i < tensor_elements(&loaded.specs[t]); i++)
				assert_true(loaded.floats[t][i] == fixture_value(t, i));
		unload(&loaded);
		checkpoint_free(checkpoint);
		free(bytes);
	}
}

/* Whoever can use blocks gets these and no rows; of any other tensor rows. */
static void blocks_are_given_where_they_are_asked_for(void **state)
{
	static const char *const names[] = { "vision_model.encoder.layers.0.mlp.fc1.weight",
		                                 "vision_model.encoder.layers.0.mlp.fc1.bias" };
	static const char *const dtypes[] = { "f32", "f16" };
	(void)state;
	for (size_t d = 0; d < 2; d++) {
		struct checkpoint *checkpoint = NULL;
		const float *floats[2] = { NULL }, *blocks[2] = { NULL }, *rows = NULL;
		struct weight_request requests[2] = { 0 }, by_rows = { .out = &rows };
		size_t size;
		char *bytes = wide_file(&size, dtypes[d]);
		assert_ok(checkpoint_open_memory(&checkpoint, bytes, size, "x", &error));
		for (size_t i = 0; i < 2; i++) {
			requests[i].out = &floats[i];
			requests[i].blocks = &blocks[i];
			memcpy(requests[i].name, names[i], strlen(names[i]) + 1);
		}
		memcpy(by_rows.name, names[0], strlen(names[0]) + 1);
		assert_ok(checkpoint_weights(checkpoint, requests, 2, NULL, &error));
		assert_ok(checkpoint_weights(checkpoint, &by_rows, 1, NULL, &error));
		assert_true(floats[0] == NULL && blocks[0] != NULL && floats[1] != NULL &&
		            blocks[1] == NULL);
		for (size_t row = 0; row < 128; row++)
			for (size_t column = 0; column < 64; column++)
				assert_true(blocks[0][row / 64 * 64 * 64 + column * 64 + row % 64] ==
				            rows[row * 64 + column]);
		checkpoint_release(checkpoint, "vision", NULL);
		assert_ok(checkpoint_weights(checkpoint, requests, 2, NULL, &error));
		assert_true(blocks[0] != NULL);
		checkpoint_free(checkpoint);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_hold_the_same_values_in_every_dtype),
		cmocka_unit_test(blocks_are_given_where_they_are_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
