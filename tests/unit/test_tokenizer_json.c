/* What a tokenizer.json has to be, part by part, and the walk through its text. */
#include "test_edit.h"
#include "test_tokenizer.h"

#include "base/buffer.h"
#include "text/json_walk.h"
#include "text/tokenizer.h"

#include <stdlib.h>

static clipcls_error error;

static clipcls_status open_document(const char *text)
{
	struct tokenizer *tokenizer = NULL;
	struct tokenizer_files files = { .tokenizer_json = text,
		                             .tokenizer_json_size = strlen(text),
		                             .path = "tokenizer.json" };
	struct tokenizer_config config = { .cleaning = TEXT_CLEANING_HUGGINGFACE };
	clipcls_status status = tokenizer_new(&tokenizer, &files, &config, 100, &error);
	assert_true((status == CLIPCLS_OK) == (tokenizer != NULL));
	tokenizer_free(tokenizer);
	return status;
}

/* The document with its first `old` replaced. */
static clipcls_status open_edited(const char *old, const char *new)
{
	char *text = edited(TOKENIZER_JSON, old, new);
	clipcls_status status = open_document(text);
	free(text);
	return status;
}

static void every_part_that_is_not_clips_is_refused(void **state)
{
	static const struct edit edits[] = {
#define NORMALIZER_CASE(old, new) { old, new, CLIPCLS_ERR_UNSUPPORTED, "normalizer is not CLIP's" }
		NORMALIZER_CASE("\"Sequence\"", "\"X\""),
		NORMALIZER_CASE("\"NFC\"", "\"NFD\""),
		NORMALIZER_CASE("\"Replace\"", "\"X\""),
		NORMALIZER_CASE("\"\\\\s+\"", "\"\\\\s\""),
		NORMALIZER_CASE("\"content\":\" \"", "\"content\":\"\""),
		NORMALIZER_CASE("\"Lowercase\"", "\"Uppercase\""),
		NORMALIZER_CASE("{\"type\":\"Lowercase\"}", "{\"type\":\"Lowercase\"},{}"),
#define PRE_CASE(old, new) { old, new, CLIPCLS_ERR_UNSUPPORTED, "pre_tokenizer is not CLIP's" }
		PRE_CASE("\"pre_tokenizer\":{\"type\":\"Sequence\"", "\"pre_tokenizer\":{\"type\":\"X\""),
		PRE_CASE("\"Split\"", "\"X\""),
		PRE_CASE("'s|'t", "'s|'u"),
		PRE_CASE("\"Removed\"", "\"Isolated\""),
		PRE_CASE("\"invert\":true", "\"invert\":false"),
		PRE_CASE("\"ByteLevel\"", "\"X\""),
		PRE_CASE("\"add_prefix_space\":false", "\"add_prefix_space\":true"),
		PRE_CASE("\"trim_offsets\":true}", "\"trim_offsets\":true},{}"),
		{ "\"Regex\":\"'s", "\"Regex\":\"<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|'s",
		  CLIPCLS_OK, NULL },
		{ "\"end_of_word_suffix\"", "\"continuing_subword_prefix\":\"##\",\"end_of_word_suffix\"",
		  CLIPCLS_ERR_UNSUPPORTED, "continuing_subword_prefix is not CLIP's: \"##\"" },
		{ "\"end_of_word_suffix\"", "\"continuing_subword_prefix\":\"\",\"end_of_word_suffix\"",
		  CLIPCLS_OK, NULL },
		{ "\"merges\":[\"a b</w>\",\"a a\"],", "", CLIPCLS_ERR_FORMAT, "lacks vocab or merges" },
		{ ",\"vocab\":{" SMALL_TOKENS "}", "", CLIPCLS_ERR_FORMAT, "lacks vocab or merges" },
		{ "<|startoftext|>\"}", "<start_of_text>\"}", CLIPCLS_OK, NULL },
		{ "<|endoftext|>\"}", "<end_of_text>\"}", CLIPCLS_OK, NULL },
		{ "{\"id\":8,", "{", CLIPCLS_ERR_FORMAT, "added token \"<|startoftext|>\" has no id" },
		{ "\"a\":0", "\"a\":0,\"<|endoftext|>\":9", CLIPCLS_OK, NULL },
		{ "\"a\":0", "\"a\":0,\"<|endoftext|>\":7", CLIPCLS_ERR_FORMAT, "has two ids, 9 and 7" },
		{ "{\"id\":8,", "{\"id\":200,", CLIPCLS_ERR_FORMAT, "beyond the text tower's vocab_size" },
		{ "\"model\"", "\"models\"", CLIPCLS_ERR_FORMAT, "there is no \"model\"" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		clipcls_status status = open_edited(edits[i].old, edits[i].new);
		if (status != edits[i].status ||
		    (edits[i].message != NULL && strstr(error.message, edits[i].message) == NULL))
			fail_msg("%s: %s: %s", edits[i].new, clipcls_status_name(status), error.message);
	}
}

static clipcls_status open_merges(const char *merges)
{
	static const char vocab[] = SMALL_VOCAB;
	struct tokenizer *tokenizer = NULL;
	struct tokenizer_files files = { .vocab = vocab,
		                             .vocab_size = sizeof vocab - 1,
		                             .merges = merges,
		                             .merges_size = strlen(merges),
		                             .path = "vocab.json" };
	struct tokenizer_config config = { .cleaning = TEXT_CLEANING_HUGGINGFACE };
	int32_t ids[8];
	size_t count = 0;
	clipcls_status status = tokenizer_new(&tokenizer, &files, &config, 10, &error);
	if (status == CLIPCLS_OK) {
		assert_ok(tokenizer_encode(tokenizer, ids, &count, "aaab", 4, 8, &error));
		assert_int_equal(count, 4); /* start, aa, ab, end */
	}
	tokenizer_free(tokenizer);
	return status;
}

static void merges_are_lines_with_any_line_end(void **state)
{
	(void)state;
	assert_ok(open_merges("#version: 0.2\r\na b</w>\r\n\r\na a"));
	assert_ok(open_merges("\na b</w>\n#version: 0.2\na a\n\n"));
	assert_error(open_merges(" b</w>\n"), CLIPCLS_ERR_FORMAT, "merge 1");
	assert_error(open_merges("a \n"), CLIPCLS_ERR_FORMAT, "merge 1");
	assert_error(open_merges("a"), CLIPCLS_ERR_FORMAT, "merge 1");
}

static struct json_walk walk_of(const char *text)
{
	return (struct json_walk){
		.start = text, .at = text, .end = text + strlen(text), .name = "a.json", .error = &error
	};
}

static void strings_are_unescaped(void **state)
{
	static const struct {
		const char *text, *expected; /* NULL: an error */
	} cases[] = {
		{ " \t\r\n\"a\\/\\\\\\\"\\b\\f\\n\\r\\t\"", "a/\\\"\b\f\n\r\t" },
		{ "\"\\u00E9\\u00e9\"", "\xc3\xa9\xc3\xa9" },
		{ "\"\\ud83D\\uDe00\"", "\xf0\x9f\x98\x80" },
		{ "\"\\u00g9\"", NULL },
		{ "\"\\u00G9\"", NULL },
		{ "\"\\u00", NULL },
		{ "\"\\ud83d\"", NULL },
		{ "\"\\ud83d\\", NULL },
		{ "\"\\ud83dxx\"", NULL },
		{ "\"\\ud83d\\n\"", NULL },
		{ "\"\\ud83d\\ud83d\"", NULL },
		{ "\"\\ud83d\\ue000\"", NULL },
		{ "\"\\ud83d\\udb\"", NULL },
		{ "\"\\udc00\"", NULL },
		{ "\"a\x1f\"", NULL },
		{ "x", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_walk walk = walk_of(cases[i].text);
		struct buffer out = { 0 };
		json_walk_string(&walk, &out);
		if ((walk.status == CLIPCLS_OK) != (cases[i].expected != NULL))
			fail_msg("%s: %s", cases[i].text, error.message);
		if (cases[i].expected != NULL)
			assert_string_equal(out.bytes, cases[i].expected);
		else
			assert_int_equal(walk.status, CLIPCLS_ERR_FORMAT);
		buffer_free(&out);
	}
}

static void whole_numbers_alone_are_sizes(void **state)
{
	static const struct {
		const char *text;
		bool good;
		size_t value;
	} cases[] = { { "0", true, 0 },
		          { " 12 ", true, 12 },
		          { "12,", true, 12 },
		          { "1.0", false, 0 },
		          { "1e2", false, 0 },
		          { "1E2", false, 0 },
		          { "01", false, 0 },
		          { "-1", false, 0 },
		          { "", false, 0 },
		          { "x", false, 0 },
		          { "99999999999999999999", false, 0 } };
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_walk walk = walk_of(cases[i].text);
		size_t value = json_walk_size(&walk);
		if ((walk.status == CLIPCLS_OK) != cases[i].good ||
		    (cases[i].good && value != cases[i].value))
			fail_msg("\"%s\" gives %zu", cases[i].text, value);
	}
}

static void a_value_of_any_kind_is_stepped_over(void **state)
{
	static const struct {
		const char *text, *value; /* NULL: an error */
	} cases[] = {
		{ "1,2", "1" },
		{ "true}", "true" },
		{ "null]", "null" },
		{ "{\"a\":[1,{\"b\":\"}\"}]},x", "{\"a\":[1,{\"b\":\"}\"}]}" },
		{ "[[],{}]]", "[[],{}]" },
		{ "\"a\\\"]\",1", "\"a\\\"]\"" },
		{ "", NULL },
		{ ",", NULL },
		{ "}", NULL },
		{ "]", NULL },
		{ "[1", NULL },
		{ "\"a", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json_walk walk = walk_of(cases[i].text);
		const char *value = NULL;
		size_t n = 0;
		json_walk_value(&walk, &value, &n);
		if ((walk.status == CLIPCLS_OK) != (cases[i].value != NULL))
			fail_msg("%s: status %d", cases[i].text, (int)walk.status);
		if (cases[i].value != NULL) {
			assert_int_equal(n, strlen(cases[i].value));
			assert_memory_equal(value, cases[i].value, n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_that_is_not_clips_is_refused),
		cmocka_unit_test(merges_are_lines_with_any_line_end),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(whole_numbers_alone_are_sizes),
		cmocka_unit_test(a_value_of_any_kind_is_stepped_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
