/* The tokenizer.json of models that are not CLIP's, and BERT's vocab.txt: what they make of texts,
 * and what is refused. */
#include "test_edit.h"
#include "test_ids.h"
#include "test_pipeline.h"

#include "base/buffer.h"
#include "text/json_walk.h"

#include <stdlib.h>

static clipcls_error error;

static clipcls_status open_text(struct tokenizer **out, const char *text, enum tokenizer_kind kind,
                                enum text_cleaning cleaning)
{
	const struct tokenizer_files files = { .tokenizer_json = text,
		                                   .tokenizer_json_size = strlen(text),
		                                   .path = "tokenizer.json" };
	const struct tokenizer_config config = { .kind = kind, .cleaning = cleaning };
	return tokenizer_new(out, &files, &config, 100, &error);
}

/* The document with its first `old` replaced. */
static clipcls_status open_edited(struct tokenizer **out, const char *document, const char *old,
                                  const char *new, enum tokenizer_kind kind)
{
	char *text = edited(document, old, new);
	clipcls_status status = open_text(out, text, kind, TEXT_CLEANING_NONE);
	free(text);
	return status;
}

#define REFUSED(old, new, message)                                   \
	{                                                                \
		old, new, CLIPCLS_ERR_UNSUPPORTED, "not supported: " message \
	}
#define BROKEN(old, new, message)             \
	{                                         \
		old, new, CLIPCLS_ERR_FORMAT, message \
	}
#define TAKEN(old, new)          \
	{                            \
		old, new, CLIPCLS_OK, "" \
	}

static void expect_edits(const char *document, const struct edit *edits, size_t n,
                         enum tokenizer_kind kind)
{
	for (size_t i = 0; i < n; i++) {
		struct tokenizer *tokenizer = NULL;
		clipcls_status status = open_edited(&tokenizer, document, edits[i].old, edits[i].new, kind);
		tokenizer_free(tokenizer);
		if (status != edits[i].status ||
		    (status != CLIPCLS_OK && (strstr(error.message, edits[i].message) == NULL ||
		                              strncmp(error.message, "tokenizer.json: ", 16) != 0)))
			fail_msg("%s -> %s: %d \"%s\"", edits[i].old, edits[i].new, (int)status,
			         status != CLIPCLS_OK ? error.message : "");
	}
}

/* ---- unigram -------------------------------------------------------------------------------- */

static void unigram_words_are_cut_by_their_scores(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_text(&tokenizer, UNIGRAM_JSON, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE));
	EXPECT("cat", CONTEXT_LENGTH, 4, 1);
	EXPECT("\t cat\n act ", CONTEXT_LENGTH, 4, 3, 5, 6, 7, 1);
	EXPECT("cat" UNDERLINE "cat", CONTEXT_LENGTH, 4, 4, 1);
	EXPECT(UNDERLINE UNDERLINE "cat", CONTEXT_LENGTH, 3, 4, 1);
	EXPECT("Cat\xc3\xa9\xc3\xa9", CONTEXT_LENGTH, 3, 2, 5, 7, 2, 1);
	EXPECT("cat cat cat", 3, 4, 4, 1);
	EXPECT("", CONTEXT_LENGTH, 1);
	EXPECT("a </s>a", CONTEXT_LENGTH, 3, 5, 1, 3, 5, 1);
	EXPECT("cat \xe3\x80\x80<mask> \xc2\xa0 cat", CONTEXT_LENGTH, 4, 9, 4, 1);
	tokenizer_free(tokenizer);
	assert_ok(open_text(&tokenizer, UNIGRAM_JSON, TOKENIZER_SENTENCEPIECE,
	                    TEXT_CLEANING_OPENCLIP_CANONICALIZE));
	EXPECT("CAT</s>_cat! ", CONTEXT_LENGTH, 4, 2, 4, 1);
	tokenizer_free(tokenizer);
	assert_ok(
	    open_text(&tokenizer, UNIGRAM_JSON, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_OPENCLIP_LOWER));
	EXPECT("CAT </S>", CONTEXT_LENGTH, 4, 1, 1);
	tokenizer_free(tokenizer);
}

#define NO_NORMALIZER "\"normalizer\":null"

static const struct edit unigram_edits[] = {
	REFUSED("\"Unigram\"", "\"WordLevel\"", "model type \"WordLevel\""),
	BROKEN("\"type\":\"Unigram\",", "\"type\":\"Unigram\",\"type\":\"Unigram\",", ""),
	BROKEN("\"unk_id\":2", "\"unk_id\":9", "unk_id is none of its tokens"),
	BROKEN("\"unk_id\":2", "\"unk_id\":null", "unk_id is none of its tokens"),
	REFUSED("\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback without"),
	BROKEN("[\"a\",-4e0]", "[\"a\"]", "broken JSON"),
	BROKEN("-4e0", "+4", "a number is missing"),
	BROKEN("-4e0", "-4e999", "a number is missing"),
	BROKEN("-4e0", "\"\"", "a number is missing"),
	BROKEN("-4e0", "-4-4", "a number is missing"),
	BROKEN("-4e0", "-1.0000000000000000000000000000000000000000000000000000000000000000000001",
	       "a number is too long"),
	BROKEN("[\"a\",-4e0]", "[\"c\",-4]", "token \"c\" stands twice"),
	BROKEN("[\"a\",-4e0]", "[\"\",-4]", "the token of id 5 is empty"),
	BROKEN("\"model\"", "\"model\":{},\"model\"", "a key stands twice"),
	BROKEN("\"model\"", "\"modal\"", "there is no \"model\""),
	BROKEN("\"vocab\"", "\"vacob\"", "the model has no \"vocab\""),
	BROKEN("\"version\":\"1.0\"", "\"version\":1.0.0", ""),
	BROKEN("{\"version\"", "[\"version\"", "broken JSON"),
	BROKEN("\"byte_fallback\":false}}", "\"byte_fallback\":false}}x", "something follows"),
	TAKEN(NO_NORMALIZER, "\"normalizer\":"
	                     "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\"},{\"type\":"
	                     "\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]}"),
	REFUSED(NO_NORMALIZER,
	        "\"normalizer\":"
	        "{\"type\":\"NFKC\"}",
	        "normalizer {\"type\":\"NFKC\"}"),
	REFUSED(NO_NORMALIZER,
	        "\"normalizer\":"
	        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},"
	        "\"content\":\"\"}",
	        "normalizer"),
	BROKEN(NO_NORMALIZER,
	       "\"normalizer\":"
	       "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"a\"}",
	       "base64"),
	BROKEN(NO_NORMALIZER,
	       "\"normalizer\":"
	       "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"a!==\"}",
	       "base64"),
	BROKEN(NO_NORMALIZER,
	       "\"normalizer\":"
	       "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"abc=\"}",
	       "broken precompiled_charsmap"),
	REFUSED(NO_NORMALIZER,
	        "\"normalizer\":"
	        "[{\"type\":\"Precompiled\"}]",
	        "normalizer"),
	REFUSED(NO_NORMALIZER,
	        "\"normalizer\":"
	        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\","
	        "\"precompiled_charsmap\":\"BAAAAAAAAAA=\"},{\"type\":\"Precompiled\"}]}",
	        "normalizer"),
	REFUSED("\"always\"", "\"first\"", "pre_tokenizer"),
	REFUSED("\"split\":true", "\"split\":false", "pre_tokenizer"),
	REFUSED("\"WhitespaceSplit\"", "\"Whitespace\"", "pre_tokenizer"),
	REFUSED("\"split\":true}]", "\"split\":true},{}]", "pre_tokenizer"),
	TAKEN("\"prepend_scheme\":\"always\"", "\"add_prefix_space\":true"),
	REFUSED("\"TemplateProcessing\"", "\"ByteLevel\"", "post_processor"),
	REFUSED("\"id\":\"A\"", "\"id\":\"B\"", "post_processor"),
	REFUSED("{\"SpecialToken\":{\"id\":\"</s>\"}}", "{\"Sequence\":{\"id\":\"A\"}}",
	        "post_processor"),
	REFUSED("\"ids\":[1]", "\"ids\":[]", "post_processor"),
	REFUSED("\"ids\":[1]", "\"ids\":[1,1,1,1,1]", "post_processor"),
	REFUSED("\"ids\":[1]", "\"ids\":[-1]", "post_processor"),
	REFUSED("\"ids\":[1]", "\"ids\":[99999999]", "post_processor"),
	BROKEN("\"id\":9,", "", "an added token has no content or no id"),
	BROKEN("\"content\":\"<mask>\"", "\"content\":1", "an added token has no content"),
	BROKEN("\"content\":\"<mask>\"", "\"content\":\"</s>\"", "token \"</s>\" stands twice"),
	TAKEN("\"content\":\"<mask>\"", "\"content\":\"\""),
	REFUSED("\"lstrip\":false", "\"single_word\":true", "an added token"),
};

static void other_unigram_files_are_refused(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	expect_edits(UNIGRAM_JSON, unigram_edits, sizeof unigram_edits / sizeof *unigram_edits,
	             TOKENIZER_SENTENCEPIECE);
	assert_error(open_text(&tokenizer, UNIGRAM_JSON, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_LOWER),
	             CLIPCLS_ERR_UNSUPPORTED, "lower case before a normalizer");
}

/* ---- byte-pair encoding --------------------------------------------------------------------- */

static void characters_are_merged_by_rank(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_text(&tokenizer, BPE_JSON, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE));
	EXPECT("abc", CONTEXT_LENGTH, 8, 1);
	EXPECT("ABAB c", CONTEXT_LENGTH, 7, 7, 9, 5, 1);
	EXPECT("b a<eos> a", CONTEXT_LENGTH, 4, 10, 1, 10, 1);
	EXPECT("c\xc3\xa9\xc3\xa9"
	       "c",
	       CONTEXT_LENGTH, 5, 2, 5, 1);
	/* An added token that is looked for in normalized text is normalized itself. */
	EXPECT("ca B c", CONTEXT_LENGTH, 5, 11, 9, 5, 1);
	EXPECT("ccc", 3, 5, 5, 1);
	EXPECT("", CONTEXT_LENGTH, 1);
	tokenizer_free(tokenizer);
	assert_ok(open_edited(&tokenizer, BPE_JSON, "\"fuse_unk\":true", "\"fuse_unk\":false",
	                      TOKENIZER_SENTENCEPIECE));
	EXPECT("c\xc3\xa9\xc3\xa9"
	       "c",
	       CONTEXT_LENGTH, 5, 2, 2, 5, 1);
	tokenizer_free(tokenizer);
	assert_ok(open_edited(&tokenizer, BPE_JSON, "\"unk_token\":\"<unk>\"", "\"unk_token\":null",
	                      TOKENIZER_SENTENCEPIECE));
	EXPECT("c\xc3\xa9\xc3\xa9"
	       "c",
	       CONTEXT_LENGTH, 5, 5, 1);
	EXPECT("\xc3\xa9", CONTEXT_LENGTH, 1);
	tokenizer_free(tokenizer);
}

static void unknown_characters_are_merged_with_nothing(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_edited(&tokenizer, BPE_JSON, ":10},\"merges\":[",
	                      ":10,\"\xc3\xa9\xc3\xa9\":12,\"\xc3\xa9\xc3\xa9\x63\":13},\"merges\":["
	                      "[\"\xc3\xa9\xc3\xa9\",\"c\"],",
	                      TOKENIZER_SENTENCEPIECE));
	EXPECT("\xc3\xa9\xc3\xa9\x63", CONTEXT_LENGTH, 2, 5, 1);
	tokenizer_free(tokenizer);
}

static void an_added_token_takes_the_spaces_that_it_says(void **state)
{
	static const struct {
		const char *flags;
		int32_t expected[10];
	} cases[] = {
		{ "\"lstrip\":false", { 3, 9, 9, 1, 9, 10, 1, 1, 9, 1 } },
		{ "\"lstrip\":true", { 3, 1, 9, 10, 1, 1, 9, 1, -1 } },
		{ "\"rstrip\":true", { 3, 9, 9, 1, 3, 1, 1, 1, -1 } },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tokenizer *tokenizer = NULL;
		struct buffer text = { 0 };
		buffer_format(&text, "\"content\":\"<eos>\",%s", cases[i].flags);
		assert_ok(open_edited(&tokenizer, BPE_JSON, "\"content\":\"<eos>\"", text.bytes,
		                      TOKENIZER_SENTENCEPIECE));
		int32_t ids[CONTEXT_LENGTH];
		size_t count = 0;
		assert_ok(tokenizer_encode(tokenizer, ids, &count, "a  <eos>  a<eos><eos> ", 22,
		                           CONTEXT_LENGTH, &error));
		for (size_t k = 0; k < count; k++)
			assert_int_equal(ids[k], cases[i].expected[k]);
		assert_true(count == 10 || cases[i].expected[count] == -1);
		tokenizer_free(tokenizer);
		buffer_free(&text);
	}
}

static void lower_case_is_added_where_the_class_does(void **state)
{
	struct tokenizer *tokenizer = NULL;
	char *text = edited(BPE_JSON, "{\"type\":\"Lowercase\"},", "");
	(void)state;
	assert_ok(open_text(&tokenizer, text, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_LOWER));
	EXPECT("ABC", CONTEXT_LENGTH, 8, 1);
	tokenizer_free(tokenizer);
	assert_ok(open_text(&tokenizer, text, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE));
	EXPECT("ABC", CONTEXT_LENGTH, 2, 1);
	tokenizer_free(tokenizer);
	free(text);
}

static void other_byte_pair_files_are_refused(void **state)
{
	static const struct edit edits[] = {
		REFUSED("\"dropout\":null", "\"dropout\":0.5", "dropout 0.5"),
		REFUSED("\"dropout\":null", "\"end_of_word_suffix\":\"</w>\"", "end_of_word_suffix"),
		REFUSED("\"dropout\":null", "\"continuing_subword_prefix\":\"#\"", "continuing_subword"),
		TAKEN("\"dropout\":null", "\"continuing_subword_prefix\":\"\""),
		REFUSED("\"ignore_merges\":false", "\"ignore_merges\":true", "ignore_merges true"),
		REFUSED("\"byte_fallback\":false", "\"byte_fallback\":true", "byte_fallback without"),
		BROKEN("\"unk_token\":\"<unk>\"", "\"unk_token\":\"?\"", "unk_token is none"),
		BROKEN("\"merges\"", "\"marges\"", "the model has no \"merges\""),
		BROKEN("\"b c\"", "\"b d\"", "names a token that the vocabulary lacks"),
		BROKEN("\"c\":5", "\"c\":4", "id 4 stands twice"),
		BROKEN("\"A B\"", "\"A\xff\"", "the token of id 11 is not UTF-8"),
		REFUSED("\"Replace\"", "\"Prepend\"", "normalizer"),
		REFUSED("\"Lowercase\"", "\"NFC\"", "normalizer"),
		REFUSED("\"pattern\":{\"String\":\" \"},\"content\"", "\"pattern\":{},\"content\"",
		        "normalizer"),
		REFUSED("\"content\":\"" UNDERLINE "\"}", "\"content\":\"" UNDERLINE "\"},{}",
		        "normalizer"),
		REFUSED("\"content\":\"" UNDERLINE "\"", "\"content\":\"_\"", "normalizer"),
		REFUSED("\"MergedWithPrevious\"", "\"Removed\"", "pre_tokenizer"),
		REFUSED("\"invert\":false", "\"invert\":true", "pre_tokenizer"),
		REFUSED("{\"String\":\" \"},\"behavior\"", "{\"Regex\":\" \"},\"behavior\"",
		        "pre_tokenizer"),
		REFUSED("\"Split\"", "\"ByteLevel\"", "pre_tokenizer"),
	};
	(void)state;
	expect_edits(BPE_JSON, edits, sizeof edits / sizeof *edits, TOKENIZER_SENTENCEPIECE);
}

/* ---- WordPiece ------------------------------------------------------------------------------ */

static void the_longest_pieces_of_a_word_are_taken(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_text(&tokenizer, WORDPIECE_JSON, TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE));
	EXPECT("Cats", CONTEXT_LENGTH, 2, 4, 5, 3);
	EXPECT("catcatca cat!s", CONTEXT_LENGTH, 2, 4, 7, 6, 4, 8, 1, 3);
	EXPECT("\xc3\x89\x01\xe4\xb8\xad"
	       "e catx",
	       CONTEXT_LENGTH, 2, 9, 10, 9, 1, 3);
	EXPECT("e[SEP]e", CONTEXT_LENGTH, 2, 9, 3, 9, 3);
	EXPECT("catcatcatc catcatcats", CONTEXT_LENGTH, 2, 1, 4, 7, 7, 5, 3);
	EXPECT("catcatcatss", CONTEXT_LENGTH, 2, 1, 3);
	EXPECT("e e e", 3, 2, 9, 3);
	EXPECT("e e e", 2, 2, 3);
	tokenizer_free(tokenizer);
}

static void the_end_token_can_be_stripped(void **state)
{
	struct tokenizer *tokenizer = NULL;
	static const char text[] = WORDPIECE_JSON;
	const struct tokenizer_files files = { .tokenizer_json = text,
		                                   .tokenizer_json_size = sizeof text - 1,
		                                   .path = "tokenizer.json" };
	const struct tokenizer_config config = { TOKENIZER_WORDPIECE, TEXT_CLEANING_OPENCLIP_WHITESPACE,
		                                     true };
	(void)state;
	assert_ok(tokenizer_new(&tokenizer, &files, &config, 100, &error));
	EXPECT(" e&amp;e[SEP]", CONTEXT_LENGTH, 2, 9, 1, 9, 0, 0);
	tokenizer_free(tokenizer);
}

static void other_wordpiece_files_are_refused(void **state)
{
	static const struct edit edits[] = {
		REFUSED("\"WordPiece\"", "\"BPE\"", "model type \"BPE\""),
		TAKEN("\"type\":\"WordPiece\",", ""),
		REFUSED("\"##\",\"max", "\"################\",\"max", "continuing_subword_prefix"),
		REFUSED("word\":10", "word\":513", "max_input_chars_per_word 513"),
		REFUSED("word\":10", "word\":-1", "max_input_chars_per_word -1"),
		TAKEN("\"max_input_chars_per_word\":10,", ""),
		BROKEN("\"unk_token\":\"[UNK]\"", "\"unk_token\":\"?\"", "unk_token is none"),
		BROKEN("\"cat\":4", "\"cat\":4.5", "a number is not whole"),
		BROKEN("\"cat\":4", "\"cat\":99999999", "an id is out of range"),
		BROKEN("\"cat\":4", "\"[PAD]\":4", "token \"[PAD]\" stands twice"),
		REFUSED("\"BertNormalizer\"", "\"Lowercase\"", "normalizer"),
		REFUSED("\"BertPreTokenizer\"", "\"Whitespace\"", "pre_tokenizer"),
		TAKEN("\"BertProcessing\"", "\"RobertaProcessing\""),
		REFUSED("\"cls\":[\"[CLS]\",2]", "\"cls\":[\"[CLS]\"]", "post_processor"),
		REFUSED("\"sep\":[\"[SEP]\",3]", "\"sep\":[]", "post_processor"),
	};
	struct tokenizer *tokenizer = NULL;
	(void)state;
	expect_edits(WORDPIECE_JSON, edits, sizeof edits / sizeof *edits, TOKENIZER_WORDPIECE);
	assert_error(open_text(&tokenizer, WORDPIECE_JSON, TOKENIZER_WORDPIECE, TEXT_CLEANING_LOWER),
	             CLIPCLS_ERR_UNSUPPORTED, "normalizer");
}

static clipcls_status open_lines(struct tokenizer **out, const char *lines)
{
	const struct tokenizer_files files = { .vocab_txt = lines,
		                                   .vocab_txt_size = strlen(lines),
		                                   .path = "vocab.txt" };
	const struct tokenizer_config config = { TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE, false };
	return tokenizer_new(out, &files, &config, 100, &error);
}

static void vocab_txt_has_one_token_a_line(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(
	    open_lines(&tokenizer, "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n\ncat\xc2\xa0\n##s \n[MASK]\n!"));
	EXPECT("Cats! dog", CONTEXT_LENGTH, 2, 5, 6, 8, 1, 3);
	EXPECT("[MASK]cat", CONTEXT_LENGTH, 2, 7, 5, 3);
	tokenizer_free(tokenizer);
	assert_error(open_lines(&tokenizer, "[UNK]\n[CLS]\n"), CLIPCLS_ERR_FORMAT,
	             "vocab.txt: lacks the token \"[SEP]\"");
	assert_error(open_lines(&tokenizer, "a\na\n"), CLIPCLS_ERR_FORMAT, "token \"a\" stands twice");
	assert_error(open_lines(&tokenizer, "a\n\xff\n"), CLIPCLS_ERR_FORMAT, "id 1 is not UTF-8");
	assert_null(tokenizer);
}

static void a_context_shorter_than_what_stands_around_is_filled_with_it(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_edited(&tokenizer, UNIGRAM_JSON, "\"ids\":[1]", "\"ids\":[1,2,0]",
	                      TOKENIZER_SENTENCEPIECE));
	EXPECT("cat", 2, 1, 2);
	EXPECT("cat", 3, 1, 2, 0);
	EXPECT("cat", 4, 4, 1, 2, 0);
	tokenizer_free(tokenizer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unigram_words_are_cut_by_their_scores),
		cmocka_unit_test(other_unigram_files_are_refused),
		cmocka_unit_test(characters_are_merged_by_rank),
		cmocka_unit_test(unknown_characters_are_merged_with_nothing),
		cmocka_unit_test(an_added_token_takes_the_spaces_that_it_says),
		cmocka_unit_test(lower_case_is_added_where_the_class_does),
		cmocka_unit_test(other_byte_pair_files_are_refused),
		cmocka_unit_test(the_longest_pieces_of_a_word_are_taken),
		cmocka_unit_test(the_end_token_can_be_stripped),
		cmocka_unit_test(other_wordpiece_files_are_refused),
		cmocka_unit_test(vocab_txt_has_one_token_a_line),
		cmocka_unit_test(a_context_shorter_than_what_stands_around_is_filled_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
