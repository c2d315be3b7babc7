/* ALIGN's configs: what transformers' keys become, in a single file, too, and what is refused. */
#include "test_align.h"
#include "test_edit.h"

#include "model/single.h"

static clipcls_error error;

#define SAME(member) assert_memory_equal(&a->member, &b->member, sizeof a->member)

static void assert_same_net(const struct vision_config *left, const struct vision_config *right)
{
	const struct efficientnet_config *a = &left->efficientnet, *b = &right->efficientnet;
	assert_int_equal(left->image_size, right->image_size);
	SAME(stem);
	SAME(layers);
	SAME(kernels);
	SAME(strides);
	SAME(paddings);
	SAME(channels);
	SAME(expansions);
	SAME(squeeze_ratio);
	SAME(activation);
	SAME(batch_norm_eps);
}

static void assert_same(const struct model_config *a, const struct model_config *b)
{
	assert_same_net(&a->vision, &b->vision);
	SAME(family);
	SAME(logit_scale);
	SAME(projection_dim);
	SAME(text.transformer.activation);
	SAME(text.transformer.layer_norm_eps);
	SAME(text.type_vocab_size);
	SAME(text.context_length);
	SAME(text.attention);
	SAME(text.pooling);
	SAME(text.projection_bias);
}

static void a_config_is_read_and_comes_back_from_a_single_file(void **state)
{
	char *directory = align_checkpoint();
	const struct model_config wanted = align_config();
	struct checkpoint *checkpoint = NULL;
	struct buffer text = { 0 };
	struct model_config back;
	(void)state;
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	const struct model_config *config = checkpoint_config(checkpoint);
	assert_same(config, &wanted);
	assert_int_equal(config->tokenizer.kind, TOKENIZER_WORDPIECE);
	single_config_write(&text, config);
	assert_ok(single_config_read(&back, text.bytes, "x", &error));
	assert_same(&back, &wanted);
	assert_true(back.preprocess.rescale_offset && back.preprocess.transparent_kept);
	assert_false(back.preprocess.std_twice);
	buffer_free(&text);
	checkpoint_free(checkpoint);
	fixture_remove(directory);
}

/* ---- edits ---------------------------------------------------------------------------------- */

#define VISION(more) "\"vision_config\":{", "\"vision_config\":{" more ","
#define FORMAT CLIPCLS_ERR_FORMAT
#define UNSUPPORTED CLIPCLS_ERR_UNSUPPORTED

static void keys_are_read_or_refused_by_name(void **state)
{
	static const struct edit edits[] = {
		{ VISION("\"hidden_act\":\"silu\""), CLIPCLS_OK, "" },
		{ VISION("\"hidden_act\":\"mish\""), UNSUPPORTED, "vision_config.hidden_act = \"mish\"" },
		{ VISION("\"pooling_type\":\"max\""), UNSUPPORTED, "pooling_type = \"max\"" },
		{ VISION("\"num_channels\":1"), UNSUPPORTED, "num_channels = 1" },
		{ VISION("\"hidden_dim\":3"), CLIPCLS_OK, "" },
		{ VISION("\"hidden_dim\":2"), UNSUPPORTED, "hidden_dim = 2" },
		{ VISION("\"depthwise_padding\":[0,1,3]"), CLIPCLS_OK, "" },
		{ VISION("\"depthwise_padding\":[2]"), CLIPCLS_OK, "" },
		{ VISION("\"depthwise_padding\":2"), FORMAT, "depthwise_padding is not a list" },
		{ VISION("\"squeeze_expansion_ratio\":2"), FORMAT, "squeeze ratio is out of range" },
		{ VISION("\"batch_norm_eps\":1"), FORMAT, "batch norm eps is out of range" },
		{ "\"kernel_sizes\":[3,5]", "\"kernel_sizes\":[3,7]", UNSUPPORTED, "kernel of 7" },
		{ "\"kernel_sizes\":[3,5]", "\"kernel_sizes\":[1,5]", UNSUPPORTED, "kernel_sizes = [1,5]" },
		{ "\"kernel_sizes\":[3,5]", "\"kernel_sizes\":[3]", FORMAT, "not equally many values" },
		{ "\"strides\":[1,2]", "\"strides\":[1,3]", UNSUPPORTED, "stride of 3" },
		{ "\"strides\":[1,2]", "\"strides\":[1,0]", FORMAT, "strides of 0 is out of range" },
		{ "\"strides\":[1,2]", "\"strides\":[1,\"2\"]", FORMAT, "strides is not a list" },
		{ "\"strides\":[1,2]", "\"strides\":[1,2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", FORMAT,
		  "strides is not a list" },
		{ "\"in_channels\":[32,16]", "\"in_channels\":[32,64]", FORMAT,
		  "in_channels does not fit" },
		{ "\"in_channels\":[32,16]", "\"in_channels\":[32]", FORMAT,
		  "not as long as out_channels" },
		{ "\"expand_ratios\":[1,6]", "\"expand_ratios\":[1,65]", FORMAT, "expansions of 65" },
		{ "\"num_block_repeats\":[1,1]", "\"num_block_repeats\":[1,0]", FORMAT, "layers of 0" },
		{ "\"depth_divisor\":4", "\"depth_divisor\":0", FORMAT, "depth_divisor is out of range" },
		{ "\"depth_coefficient\":1.5", "\"depth_coefficient\":1e300", FORMAT,
		  "depth_coefficient is out of range" },
		{ "\"width_coefficient\":0.25", "\"width_coefficient\":-1", FORMAT,
		  "width_coefficient is out of range" },
		{ "\"projection_dim\":8", "\"projection_dim\":9", FORMAT, "projection_dim is not" },
		{ "\"num_block_repeats\":[1,1]", "\"num_block_repeats\":[1,2]", FORMAT,
		  "encoder.blocks.4.expansion.expand_conv.weight\" is missing" },
		{ "\"hidden_size\":8", "\"type_vocab_size\":3,\"hidden_size\":8", FORMAT,
		  "token_type_embeddings.weight\" has shape (2, 8)" },
		{ "\"max_position_embeddings\":6", "\"max_position_embeddings\":1", FORMAT, "no room" },
	};
	char *directory = align_checkpoint();
	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		struct checkpoint *checkpoint = NULL;
		char *text = edited(align_text, edits[i].old, edits[i].new);
		fixture_write_text(directory, "config.json", text);
		error.message[0] = '\0';
		assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), edits[i].status,
		             edits[i].message);
		checkpoint_free(checkpoint);
		free(text);
	}
	fixture_remove(directory);
}

/* Of a picture that is smaller than the windows. */
static void a_picture_that_stages_use_up_is_refused(void **state)
{
	struct model_config config = align_config(), back;
	struct buffer text = { 0 };
	(void)state;
	config.vision.image_size = 3;
	config.preprocess.resize_height = config.preprocess.resize_width = 3;
	config.preprocess.std[0] = config.preprocess.std[1] = config.preprocess.std[2] = 1;
	config.vision.efficientnet.kernels.items[0] = 5;
	config.vision.efficientnet.paddings.items[0] = 3;
	config.vision.efficientnet.strides.items[0] = 2;
	single_config_write(&text, &config);
	assert_error(single_config_read(&back, text.bytes, "x", &error), FORMAT,
	             "image_size 3 is too small");
	buffer_free(&text);
}

static void what_single_files_say_is_checked(void **state)
{
	static const struct edit edits[] = {
		{ "\"paddings\":[2,3]", "\"paddings\":[1,3]", UNSUPPORTED, "padding of 1" },
		{ "\"paddings\":[2,3]", "\"paddings\":[2,5]", UNSUPPORTED, "padding of 5" },
		{ "\"paddings\":[2,3]", "\"paddings\":[2,4]", CLIPCLS_OK, "" },
		{ "\"layers\":[2,2]", "\"layers\":[]", FORMAT, "not equally many values" },
		{ "\"attention\":\"prompt\"", "\"attention\":\"causal\"", UNSUPPORTED,
		  "attention \"causal\" with pooling \"first\"" },
		{ "\"pooling\":\"first\"", "\"pooling\":\"last\"", UNSUPPORTED, "with pooling \"last\"" },
	};
	struct model_config config = align_config(), back;
	struct buffer text = { 0 };
	(void)state;
	config.preprocess.resize_height = config.preprocess.resize_width = 13;
	config.preprocess.std[0] = config.preprocess.std[1] = config.preprocess.std[2] = 1;
	single_config_write(&text, &config);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		char *changed = edited(text.bytes, edits[i].old, edits[i].new);
		error.message[0] = '\0';
		assert_error(single_config_read(&back, changed, "x", &error), edits[i].status,
		             edits[i].message);
		free(changed);
	}
	buffer_free(&text);
}

/* kakaobrain/align-base has the first; EfficientNetImageProcessor's defaults are the second. */
static void pixels_are_scaled_as_the_processor_says(void **state)
{
	static const struct {
		const char *old, *new;
		bool offset, twice;
		double mean, std;
	} cases[] = {
		{ "{", "{", true, false, 0, 1 },
		{ "\"do_normalize\":false,\"include_top\":false,\"rescale_offset\":true,", "", false, true,
		  0.5, 0.5 },
		{ "\"include_top\":false,", "\"include_top\":true,", true, false, 0, 0.5 },
		{ "\"do_normalize\":false", "\"do_normalize\":true", true, false, 0.5, 0.5 },
		{ "\"do_normalize\":false", "\"do_normalize\":false,\"do_rescale\":false", false, false, 0,
		  1 },
	};
	char *directory = align_checkpoint();
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct checkpoint *checkpoint = NULL;
		char *text = edited(align_preprocessor, cases[i].old, cases[i].new);
		fixture_write_text(directory, "preprocessor_config.json", text);
		assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
		const struct preprocess_config *read = &checkpoint_config(checkpoint)->preprocess;
		assert_int_equal(read->rescale_offset, cases[i].offset);
		assert_int_equal(read->std_twice, cases[i].twice);
		assert_true(read->mean[1] == cases[i].mean && read->std[2] == cases[i].std);
		assert_true(read->resize_mode == RESIZE_SQUASH && read->resize_width == 16);
		checkpoint_free(checkpoint);
		free(text);
	}
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_config_is_read_and_comes_back_from_a_single_file),
		cmocka_unit_test(keys_are_read_or_refused_by_name),
		cmocka_unit_test(a_picture_that_stages_use_up_is_refused),
		cmocka_unit_test(what_single_files_say_is_checked),
		cmocka_unit_test(pixels_are_scaled_as_the_processor_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
