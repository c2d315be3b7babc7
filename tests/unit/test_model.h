/* Safetensors files and tiny checkpoints in memory and in a temporary directory, for the model
 * tests. */
#ifndef CLIPCLS_TESTS_TEST_MODEL_H
#define CLIPCLS_TESTS_TEST_MODEL_H

#include "unit.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/checkpoint.h"
#include "model/dtype.h"
#include "model/safetensors.h"
#include "model/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* An 8-byte length, the header, and n bytes of data: i % 251. */
static inline struct buffer fixture_file(const char *header, size_t n)
{
	struct buffer file = { 0 };
	size_t length = strlen(header);
	for (size_t i = 0; i < 8; i++)
		buffer_byte(&file, (char)(length >> 8 * i & 0xff));
	buffer_text(&file, header);
	for (size_t i = 0; i < n; i++)
		buffer_byte(&file, (char)(i % 251));
	assert_false(file.failed);
	return file;
}

static inline void fixture_write(const char *directory, const char *name, const void *bytes,
                                 size_t n)
{
	char *path = path_join(directory, name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	free(path);
}

static inline void fixture_write_text(const char *directory, const char *name, const char *text)
{
	fixture_write(directory, name, text, strlen(text));
}

static const char fixture_config[] =
    "{\"model_type\":\"clip\",\"projection_dim\":5,"
    "\"text_config\":{\"hidden_size\":8,\"intermediate_size\":16,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":2,\"vocab_size\":11,\"max_position_embeddings\":6,"
    "\"eos_token_id\":10},"
    "\"vision_config\":{\"hidden_size\":8,\"intermediate_size\":16,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":2,\"image_size\":8,\"patch_size\":4}}";

/* The config above, as the layout reads it. */
static inline struct model_config fixture_model_config(void)
{
	struct model_config config = { 0 };
	struct transformer_config tower = { .width = 8,
		                                .layers = 1,
		                                .heads = 2,
		                                .mlp_width = 16,
		                                .activation = ACTIVATION_QUICK_GELU,
		                                .layer_norm_eps = 1e-5 };
	config.text.transformer = config.vision.vit.transformer = tower;
	config.text.vocab_size = 11;
	config.text.context_length = 6;
	config.vision.image_size = 8;
	config.vision.vit.patch_size = 4;
	config.vision.vit.class_token = config.vision.vit.pre_norm = config.vision.vit.projection =
	    true;
	config.text.projection = true;
	config.projection_dim = 5;
	return config;
}

/* The value of element i of the fixture's tensor t: distinct and exact in F16 and BF16. */
static inline float fixture_value(size_t t, size_t i)
{
	return (float)((t * 37 + i * 11) % 255) / 64 - 2;
}

/* model.safetensors of a config, F32. `skip`: a tensor to leave out, or NULL. `more`: header text
 * of one more tensor without data, or "". */
static inline struct buffer fixture_weights_of(const struct model_config *config, const char *skip,
                                               const char *more)
{
	struct tensor_spec *specs = NULL;
	size_t count = 0, begin = 0;
	struct buffer header = { 0 }, file;
	clipcls_error error;
	assert_ok(tensors_list(&specs, &count, config, TENSOR_NAMING_CANONICAL, SIZE_MAX, &error));
	for (size_t t = 0; t < count; t++) {
		if (skip != NULL && strcmp(specs[t].name, skip) == 0)
			continue;
		buffer_format(&header, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", begin == 0 ? '{' : ',',
		              specs[t].name);
		for (size_t d = 0; d < specs[t].rank; d++)
			buffer_format(&header, d > 0 ? ",%zu" : "%zu", specs[t].shape[d]);
		size_t bytes = tensor_elements(&specs[t]) * 4;
		buffer_format(&header, "],\"data_offsets\":[%zu,%zu]}", begin, begin + bytes);
		begin += bytes;
	}
	buffer_format(&header, "%s}", more);
	while (header.size % 8 != 0)
		buffer_byte(&header, ' ');
	file = fixture_file(header.bytes, 0);
	for (size_t t = 0; t < count; t++) {
		if (skip != NULL && strcmp(specs[t].name, skip) == 0)
			continue;
		for (size_t i = 0; i < tensor_elements(&specs[t]); i++) {
			float value = fixture_value(t, i);
			buffer_append(&file, &value, sizeof value);
		}
	}
	buffer_free(&header);
	free(specs);
	assert_false(file.failed);
	return file;
}

/* That of the config above. */
static inline struct buffer fixture_weights(const char *skip, const char *more)
{
	struct model_config config = fixture_model_config();
	return fixture_weights_of(&config, skip, more);
}

/* A new directory under TMPDIR. */
static inline char *fixture_directory(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = path_join(parent != NULL ? parent : "/tmp", "clipcls-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

/* Removes a directory of plain files, and frees its name. */
static inline void fixture_remove(char *directory)
{
	char command[4200];
	snprintf(command, sizeof command, "rm -r -- '%s'", directory);
	assert_int_equal(system(command), 0);
	free(directory);
}

/* A test's setup and teardown: a working directory of its own. */
static inline int fixture_enter(void **state)
{
	*state = fixture_directory();
	return chdir(*state);
}

static inline int fixture_leave(void **state)
{
	int left = chdir("/");
	fixture_remove(*state);
	return left;
}

/* A Hugging Face directory with the fixture's config and weights. */
static inline char *fixture_checkpoint(void)
{
	char *directory = fixture_directory();
	struct buffer weights = fixture_weights(NULL, "");
	fixture_write_text(directory, "config.json", fixture_config);
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	buffer_free(&weights);
	return directory;
}

/* All tensors of a checkpoint. */
struct loaded {
	struct tensor_spec *specs;
	struct weight_request *requests;
	const float **floats;
	size_t count;
};

static inline clipcls_status load(struct loaded *out, struct checkpoint *checkpoint,
                                  struct pool *pool, clipcls_error *failure)
{
	clipcls_error error;
	assert_ok(tensors_list(&out->specs, &out->count, checkpoint_config(checkpoint),
	                       TENSOR_NAMING_CANONICAL, SIZE_MAX, &error));
	out->requests = memory_new(out->count, sizeof *out->requests);
	out->floats = memory_new(out->count, sizeof *out->floats);
	for (size_t i = 0; i < out->count; i++) {
		out->requests[i].out = &out->floats[i];
		memcpy(out->requests[i].name, out->specs[i].name, sizeof out->requests[i].name);
	}
	return checkpoint_weights(checkpoint, out->requests, out->count, pool, failure);
}

static inline void unload(struct loaded *loaded)
{
	free(loaded->specs);
	free(loaded->requests);
	free(loaded->floats);
}

/* Converts the fixture and gives the single file's bytes; some of its sizes are no multiples of
 * 64, and it carries all files. */
static inline void make_single(char **bytes, size_t *size, const char *dtype)
{
	clipcls_error error;
	char *directory = fixture_checkpoint();
	char *path = path_join(directory, "out.safetensors");
	fixture_write_text(directory, "vocab.json", "{\"a\": 0}");
	fixture_write_text(directory, "merges.txt", "#version: 0.2\n");
	fixture_write_text(directory, "classes.txt", "cat\ndog\n");
	assert_ok(clipcls_convert(directory, path, dtype, NULL, &error));
	assert_ok(file_read(bytes, size, path, SIZE_MAX / 4, &error));
	free(path);
	fixture_remove(directory);
}

#endif
