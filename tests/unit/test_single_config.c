/* The config of a single file: every key must be there, none beside them, each in its range. */
#include "test_edit.h"
#include "test_model.h"

#include "model/single.h"

static clipcls_error error;

static struct model_config make_config(void)
{
	struct model_config config = fixture_model_config();
	config.text.pooling = POOLING_END_TOKEN;
	config.text.eos_token_id = 10;
	config.tokenizer.cleaning = TEXT_CLEANING_OPENCLIP;
	config.preprocess = (struct preprocess_config){ .order = PREPROCESS_OPENCLIP,
		                                            .resize_mode = RESIZE_LONGEST,
		                                            .resize_height = 8,
		                                            .resize_width = 8,
		                                            .crop_height = 8,
		                                            .crop_width = 8,
		                                            .fill = { 1, 2, 255 },
		                                            .rescale_factor = 0.1,
		                                            .mean = { 0.1, 1.0 / 3, 0.123456789012345678 },
		                                            .std = { 1, 2, 3 } };
	return config;
}

static void what_is_written_is_read_back_to_the_last_bit(void **state)
{
	struct model_config config = make_config(), back;
	(void)state;
	for (int order = 0; order < 2; order++) {
		struct buffer text = { 0 };
		config.preprocess.order = (enum preprocess_order)order;
		config.preprocess.do_resize = order == 1;
		config.preprocess.do_center_crop = order == 0;
		single_config_write(&text, &config);
		assert_ok(single_config_read(&back, text.bytes, "x", &error));
		assert_memory_equal(&back.preprocess.mean, &config.preprocess.mean,
		                    sizeof back.preprocess.mean);
		assert_memory_equal(&back.preprocess.fill, &config.preprocess.fill, 3);
		assert_int_equal(back.preprocess.order, config.preprocess.order);
		assert_int_equal(back.preprocess.do_resize, config.preprocess.do_resize);
		assert_int_equal(back.text.pooling, POOLING_END_TOKEN);
		assert_int_equal(back.tokenizer.cleaning, TEXT_CLEANING_OPENCLIP);
		buffer_free(&text);
	}
}

static void every_edit_is_refused_by_name(void **state)
{
	static const struct edit edits[] = {
		{ "\"vocab_size\":11,", "", CLIPCLS_ERR_FORMAT, "vocab_size is missing" },
		{ "\"vocab_size\":11,", "\"vocab_size\":11,\"more\":1,", CLIPCLS_ERR_UNSUPPORTED,
		  "more = 1 is not supported" },
		{ "\"eos_token_id\":10", "\"eos_token_id\":4294967296", CLIPCLS_ERR_UNSUPPORTED,
		  "eos_token_id = 4294967296" },
		{ "[1,2,255]", "[1,2,256]", CLIPCLS_ERR_FORMAT, "fill is out of range" },
		{ "[1,2,255]", "[-1,2,255]", CLIPCLS_ERR_FORMAT, "fill is out of range" },
		{ "\"pooling\":\"", "\"pooling\":\"x", CLIPCLS_ERR_UNSUPPORTED, "pooling = " },
		{ "\"cleaning\":\"", "\"cleaning\":\"x", CLIPCLS_ERR_UNSUPPORTED, "cleaning = " },
		{ "\"order\":\"", "\"order\":\"x", CLIPCLS_ERR_UNSUPPORTED, "order = " },
		{ "\"resize_mode\":\"", "\"resize_mode\":\"x", CLIPCLS_ERR_UNSUPPORTED, "resize_mode = " },
		{ "\"activation\":\"", "\"activation\":\"x", CLIPCLS_ERR_UNSUPPORTED, "activation = " },
		{ "\"rotary_side\":0", "\"rotary_side\":16385", CLIPCLS_ERR_FORMAT,
		  "rotary_side of 16385 is out of range" },
	};
	const struct model_config config = make_config();
	struct model_config back;
	struct buffer text = { 0 };
	(void)state;
	single_config_write(&text, &config);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		char *changed = edited(text.bytes, edits[i].old, edits[i].new);
		assert_error(single_config_read(&back, changed, "x", &error), edits[i].status,
		             edits[i].message);
		free(changed);
	}
	buffer_free(&text);
}

static void rotary_positions_need_heads_of_whole_pairs(void **state)
{
	struct model_config config = make_config(), back;
	struct buffer text = { 0 };
	(void)state;
	config.vision.vit.rotary_side = 16;
	single_config_write(&text, &config);
	assert_ok(single_config_read(&back, text.bytes, "x", &error));
	assert_int_equal(back.vision.vit.rotary_side, 16);
	buffer_free(&text);
	config.vision.vit.transformer.heads = 4;
	single_config_write(&text, &config);
	assert_error(single_config_read(&back, text.bytes, "x", &error), CLIPCLS_ERR_UNSUPPORTED,
	             "rotary positions for heads of width 2");
	buffer_free(&text);
}

static void a_checksum_is_read_as_it_is_written_alone(void **state)
{
	static const char *const others[] = { "",
		                                  "xxh3:",
		                                  "xxh3:00000000000000012",
		                                  "xxh3:000000000000000g",
		                                  "xxh3:000000000000001A",
		                                  "xxh4:0000000000000012",
		                                  "xxh3: 000000000000012" };
	char text[SINGLE_CHECKSUM_SIZE];
	uint64_t checksum = 0;
	(void)state;
	single_checksum_text(text, 0x12ab);
	assert_string_equal(text, "xxh3:00000000000012ab");
	assert_true(single_checksum_parse(&checksum, text));
	assert_int_equal(checksum, 0x12ab);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(single_checksum_parse(&checksum, others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back_to_the_last_bit),
		cmocka_unit_test(every_edit_is_refused_by_name),
		cmocka_unit_test(rotary_positions_need_heads_of_whole_pairs),
		cmocka_unit_test(a_checksum_is_read_as_it_is_written_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
