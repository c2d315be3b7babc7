/* What tokenizer_config.json says of the class and the padding. */
#include "test_model.h"

#include "model/tokenizer_settings.h"

static clipcls_error error;

static clipcls_status read_text(struct tokenizer_settings *out, const char *text)
{
	char *directory = fixture_directory();
	if (text != NULL)
		fixture_write_text(directory, "tokenizer_config.json", text);
	clipcls_status status = tokenizer_settings_read(out, directory, &error);
	fixture_remove(directory);
	return status;
}

static void settings_are_read(void **state)
{
	static const struct {
		const char *text, *name;
		int32_t pad_token_id;
		bool has_side, pad_left, masks_padding;
	} cases[] = {
		{ NULL, "", -1, false, false, false },
		{ "{}", "", -1, false, false, false },
		{ "{\"tokenizer_class\":\"GemmaTokenizerFast\",\"padding_side\":\"left\"}",
		  "GemmaTokenizer", -1, true, true, false },
		{ "{\"tokenizer_class\":\"Fast\",\"padding_side\":\"right\"}", "Fast", -1, true, false,
		  false },
		{ "{\"pad_token\":\"</s>\"}", "", 1, false, false, false },
		{ "{\"pad_token\":\"[PAD]\"}", "", 0, false, false, false },
		{ "{\"pad_token\":{\"content\":\"<pad>\"}}", "", 0, false, false, false },
		{ "{\"pad_token\":\"<p>\",\"added_tokens_decoder\":{\"x\":{\"content\":\"<p>\"},"
		  "\"6\":{},\"7\":{\"content\":\"<p>\"}}}",
		  "", 7, false, false, false },
		{ "{\"model_input_names\":[\"input_ids\",\"attention_mask\"]}", "", -1, false, false,
		  true },
		{ "{\"model_input_names\":[\"input_ids\"]}", "", -1, false, false, false },
		{ "{\"tokenizer_class\":\"T5Tokenizer\",\"do_lower_case\":false}", "T5Tokenizer", -1, false,
		  false, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tokenizer_settings settings;
		assert_ok(read_text(&settings, cases[i].text));
		assert_string_equal(settings.name, cases[i].name);
		assert_int_equal(settings.pad_token_id, cases[i].pad_token_id);
		assert_int_equal(settings.has_side, cases[i].has_side);
		assert_int_equal(settings.pad_left, cases[i].pad_left);
		assert_int_equal(settings.masks_padding, cases[i].masks_padding);
	}
}

static void what_cannot_be_followed_is_refused_by_name(void **state)
{
	static const struct {
		const char *text;
		clipcls_status status;
		const char *message;
	} cases[] = {
		{ "{\"pad_token\":\"<other>\"}", CLIPCLS_ERR_UNSUPPORTED, "pad_token = \"<other>\"" },
		{ "{\"padding_side\":\"both\"}", CLIPCLS_ERR_UNSUPPORTED, "padding_side = \"both\"" },
		{ "{\"tokenizer_class\":\"SiglipTokenizer\",\"do_lower_case\":false}",
		  CLIPCLS_ERR_UNSUPPORTED, "do_lower_case = false" },
		{ "{\"tokenizer_class\":\"a name of a class that is far too long for any tokenizer of any "
		  "library\"}",
		  CLIPCLS_ERR_UNSUPPORTED, "tokenizer_class = " },
		{ "{\"tokenizer_class\":3}", CLIPCLS_ERR_FORMAT, "tokenizer_class is not a string" },
		{ "{", CLIPCLS_ERR_FORMAT, "tokenizer_config.json" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tokenizer_settings settings;
		assert_error(read_text(&settings, cases[i].text), cases[i].status, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_read),
		cmocka_unit_test(what_cannot_be_followed_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
