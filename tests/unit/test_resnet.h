/* An OpenCLIP directory with a small ResNet of CLIP's. */
#ifndef CLIPCLS_TESTS_TEST_RESNET_H
#define CLIPCLS_TESTS_TEST_RESNET_H

#include "test_layouts.h"

#include "random.h"

#include <math.h>

#define VISION "{\"layers\":[1,2,1,1],\"width\":4,\"head_width\":16,\"image_size\":64}"

static const char resnet_format[] =
    "{\"model_cfg\":{\"embed_dim\":5,\"quick_gelu\":true,\"vision_cfg\":%s,"
    "\"text_cfg\":{\"width\":8,\"layers\":1,\"heads\":2,\"mlp_ratio\":2,\"vocab_size\":11,"
    "\"context_length\":6}}}";

/* The config with VISION, as the layout reads it. */
static inline struct model_config resnet_config(void)
{
	struct model_config config = fixture_model_config();
	config.family = FAMILY_CLIP_RESNET;
	config.vision =
	    (struct vision_config){ .image_size = 64,
		                        .resnet = { .width = 4, .layers = { 1, 2, 1, 1 }, .heads = 8 } };
	return config;
}

/* An OpenCLIP directory with weights that fit VISION, all of them in [0, 1) * 0.3. */
static inline char *resnet_checkpoint(const char *vision)
{
	char *directory = fixture_directory(), text[1000];
	const struct model_config config = resnet_config();
	struct buffer weights = openclip_weights_of(&config);
	uint64_t header;
	uint32_t state = 1;
	memcpy(&header, weights.bytes, sizeof header);
	for (size_t at = sizeof header + header; at + 4 <= weights.size; at += 4) {
		float value = 0.3f * fabsf(random_float(&state));
		memcpy(weights.bytes + at, &value, sizeof value);
	}
	snprintf(text, sizeof text, resnet_format, vision);
	fixture_write_text(directory, "open_clip_config.json", text);
	fixture_write(directory, "open_clip_model.safetensors", weights.bytes, weights.size);
	buffer_free(&weights);
	return directory;
}

#endif
