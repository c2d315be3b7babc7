/* Directories of both layouts for the fixture's config. */
#ifndef CLIPCLS_TESTS_TEST_LAYOUTS_H
#define CLIPCLS_TESTS_TEST_LAYOUTS_H

#include "test_model.h"

static const char openclip_config[] =
    "{\"model_cfg\":{\"embed_dim\":5,\"quick_gelu\":true,"
    "\"vision_cfg\":{\"width\":8,\"layers\":1,\"head_width\":4,\"mlp_ratio\":2,\"image_size\":8,"
    "\"patch_size\":4},"
    "\"text_cfg\":{\"width\":8,\"layers\":1,\"heads\":2,\"mlp_ratio\":2,\"vocab_size\":11,"
    "\"context_length\":6}},\"preprocess_cfg\":{\"mean\":[0.5,0.5,0.5]}}";

static const char preprocessor_config[] =
    "{\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5],\"size\":{\"shortest_edge\":8},"
    "\"crop_size\":8,\"do_resize\":true,\"do_center_crop\":true,\"do_rescale\":true,"
    "\"do_normalize\":true,\"resample\":3}";

static inline bool stands_before(const struct tensor_spec *specs, size_t n, const char *source)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(specs[i].source, source) == 0)
			return true;
	return false;
}

static const struct tensor_naming openclip_naming = { .vision = DIALECT_OPENCLIP,
	                                                  .text = DIALECT_OPENCLIP };

/* open_clip_model.safetensors of a config, all zeros. */
static inline struct buffer openclip_weights_of(const struct model_config *config)
{
	struct tensor_spec *specs = NULL;
	size_t count = 0, begin = 0;
	struct buffer header = { 0 };
	clipcls_error error;
	assert_ok(tensors_list(&specs, &count, config, openclip_naming, SIZE_MAX, &error));
	for (size_t t = 0; t < count; t++) {
		size_t shape[TENSOR_RANK_LIMIT], rank, bytes = 4;
		if (stands_before(specs, t, specs[t].source))
			continue; /* one of three parts */
		tensor_source_shape(shape, &rank, &specs[t]);
		buffer_format(&header, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", begin == 0 ? '{' : ',',
		              specs[t].source);
		for (size_t d = 0; d < rank; bytes *= shape[d++])
			buffer_format(&header, d > 0 ? ",%zu" : "%zu", shape[d]);
		buffer_format(&header, "],\"data_offsets\":[%zu,%zu]}", begin, begin + bytes);
		begin += bytes;
	}
	buffer_text(&header, "}");
	struct buffer file = fixture_file(header.bytes, 0);
	char *zeros = memory_new(begin, 1);
	buffer_append(&file, zeros, begin);
	free(zeros);
	buffer_free(&header);
	free(specs);
	return file;
}

/* That of the fixture's config. */
static inline struct buffer openclip_weights(void)
{
	struct model_config config = fixture_model_config();
	return openclip_weights_of(&config);
}

static inline char *openclip_checkpoint(void)
{
	char *directory = fixture_directory();
	struct buffer weights = openclip_weights();
	fixture_write_text(directory, "open_clip_config.json", openclip_config);
	fixture_write(directory, "open_clip_model.safetensors", weights.bytes, weights.size);
	buffer_free(&weights);
	return directory;
}

#endif
