/* A Hugging Face directory with a small ALIGN. */
#ifndef CLIPCLS_TESTS_TEST_ALIGN_H
#define CLIPCLS_TESTS_TEST_ALIGN_H

#include "test_model.h"

static const char align_text[] =
    "{\"model_type\":\"align\",\"projection_dim\":8,"
    "\"text_config\":{\"hidden_size\":8,\"intermediate_size\":16,\"num_hidden_layers\":1,"
    "\"num_attention_heads\":2,\"vocab_size\":11,\"max_position_embeddings\":6},"
    "\"vision_config\":{\"image_size\":13,\"width_coefficient\":0.25,\"depth_coefficient\":1.5,"
    "\"depth_divisor\":4,\"in_channels\":[32,16],\"out_channels\":[16,24],\"kernel_sizes\":[3,5],"
    "\"strides\":[1,2],\"num_block_repeats\":[1,1],\"expand_ratios\":[1,6]}}";

static const char align_preprocessor[] =
    "{\"crop_size\":13,\"size\":{\"height\":16,\"width\":16},\"do_center_crop\":true,"
    "\"do_normalize\":false,\"include_top\":false,\"rescale_offset\":true,"
    "\"rescale_factor\":0.00784313725490196,\"resample\":2}";

static const char align_vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\n";

/* The config above, as the layout reads it, without preprocessing. */
static inline struct model_config align_config(void)
{
	struct model_config config = fixture_model_config();
	config.family = FAMILY_ALIGN;
	config.logit_scale = LOGIT_SCALE_TEMPERATURE;
	config.projection_dim = 8;
	config.vision = (struct vision_config){
		.image_size = 13,
		.efficientnet = { .stem = 8,
		                  .layers = { 2, { 2, 2 } },
		                  .kernels = { 2, { 3, 5 } },
		                  .strides = { 2, { 1, 2 } },
		                  .paddings = { 2, { 2, 3 } },
		                  .channels = { 2, { 4, 8 } },
		                  .expansions = { 2, { 1, 6 } },
		                  .squeeze_ratio = 0.25,
		                  .activation = ACTIVATION_SILU,
		                  .batch_norm_eps = 0.001 },
	};
	config.text.transformer.activation = ACTIVATION_GELU;
	config.text.transformer.layer_norm_eps = 1e-12;
	config.text.type_vocab_size = 2;
	config.text.attention = TEXT_ATTENTION_PROMPT;
	config.text.pooling = POOLING_FIRST;
	config.text.projection_bias = true;
	return config;
}

static inline char *align_checkpoint(void)
{
	char *directory = fixture_directory();
	const struct model_config config = align_config();
	struct buffer weights = fixture_weights_of(&config, NULL, "");
	fixture_write_text(directory, "config.json", align_text);
	fixture_write_text(directory, "preprocessor_config.json", align_preprocessor);
	fixture_write_text(directory, "vocab.txt", align_vocabulary);
	fixture_write(directory, "model.safetensors", weights.bytes, weights.size);
	buffer_free(&weights);
	return directory;
}

#endif
