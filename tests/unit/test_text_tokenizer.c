#include "test_tokenizer.h"

#include "base/buffer.h"
#include "text/clean.h"
#include "text/html.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

#define CLIP_VOCAB_SIZE 49408
#define MAX_IDS 400

static clipcls_error error;

/* ---- helpers -------------------------------------------------------------------------------- */

static struct tokenizer *builtin(enum text_cleaning cleaning)
{
	struct tokenizer *tokenizer = NULL;
	struct tokenizer_config config = { .cleaning = cleaning };
	assert_ok(tokenizer_new(&tokenizer, NULL, &config, CLIP_VOCAB_SIZE, &error));
	return tokenizer;
}

/* The ids of `text` stand as "49406 ... 49407". */
static void assert_ids(const struct tokenizer *tokenizer, const char *text, size_t context_length,
                       const char *expected)
{
	int32_t ids[MAX_IDS];
	size_t count;
	struct buffer line = { 0 };
	assert_ok(tokenizer_encode(tokenizer, ids, &count, text, strlen(text), context_length, &error));
	assert_true(count >= 2 && count <= context_length);
	for (size_t i = 0; i < count; i++)
		buffer_format(&line, i == 0 ? "%d" : " %d", (int)ids[i]);
	assert_string_equal(line.bytes, expected);
	buffer_free(&line);
}

/* Opens vocab.json and merges.txt from strings. */
static clipcls_status open_vocab(struct tokenizer **out, const char *vocab, const char *merges,
                                 size_t vocab_size)
{
	struct tokenizer_files files = { .vocab = vocab,
		                             .vocab_size = strlen(vocab),
		                             .merges = merges,
		                             .merges_size = merges != NULL ? strlen(merges) : 0,
		                             .path = "dir/vocab.json" };
	struct tokenizer_config config = { .cleaning = TEXT_CLEANING_HUGGINGFACE };
	clipcls_status status = tokenizer_new(out, &files, &config, vocab_size, &error);
	assert_true((status == CLIPCLS_OK) == (*out != NULL));
	return status;
}

static clipcls_status open_json(struct tokenizer **out, const char *text)
{
	struct tokenizer_files files = { .tokenizer_json = text,
		                             .tokenizer_json_size = strlen(text),
		                             .path = "dir/tokenizer.json" };
	struct tokenizer_config config = { .cleaning = TEXT_CLEANING_HUGGINGFACE };
	clipcls_status status = tokenizer_new(out, &files, &config, 100, &error);
	assert_true((status == CLIPCLS_OK) == (*out != NULL));
	return status;
}

/* ---- ids ------------------------------------------------------------------------------------ */

static void builtin_vocabulary_gives_clips_ids(void **state)
{
	struct tokenizer *tokenizer = builtin(TEXT_CLEANING_HUGGINGFACE);
	(void)state;
	assert_ids(tokenizer, "a photo of a cat.", 77, "49406 320 1125 539 320 2368 269 49407");
	assert_ids(tokenizer, "", 77, "49406 49407");
	assert_ids(tokenizer, " \t\r\n\xc2\xa0", 77, "49406 49407");
	assert_ids(tokenizer, "A  PHOTO\tof\na CAT.", 77, "49406 320 1125 539 320 2368 269 49407");
	tokenizer_free(tokenizer);
}

static void merges_go_by_rank_and_not_by_length(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	/* "aab": the longest token would be aab</w>, but "a b</w>" ranks first. */
	assert_ok(open_vocab(&tokenizer, SMALL_VOCAB, SMALL_MERGES, 10));
	assert_ids(tokenizer, "aab", 77, "8 0 4 9");
	assert_ids(tokenizer, "aaab", 77, "8 5 4 9");
	/* The second time the answer about the whole word is remembered. */
	assert_ids(tokenizer, "aab ab aab", 77, "8 0 4 4 0 4 9");
	tokenizer_free(tokenizer);
}

static void a_pair_listed_twice_ranks_by_its_last_place(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_vocab(&tokenizer, SMALL_VOCAB, "a b</w>\na a\naa b</w>\na b</w>\n", 10));
	assert_ids(tokenizer, "aab", 77, "8 6 9");
	tokenizer_free(tokenizer);
}

static void two_merges_may_make_one_token(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_vocab(&tokenizer, SMALL_VOCAB, "a b</w>\na a\naa b</w>\na ab</w>\n", 10));
	assert_ids(tokenizer, "aab", 77, "8 6 9");
	tokenizer_free(tokenizer);
}

static void bytes_that_are_no_token_become_the_end_token(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_vocab(&tokenizer, SMALL_VOCAB, SMALL_MERGES, 10));
	assert_ids(tokenizer, "axb", 77, "8 0 9 3 9");
	tokenizer_free(tokenizer);
}

static void truncation_keeps_the_end_token_last(void **state)
{
	struct tokenizer *tokenizer = builtin(TEXT_CLEANING_OPENCLIP);
	char text[6 * 200 + 1] = "";
	int32_t ids[2];
	size_t count;
	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(text, "hello ");
	assert_ids(tokenizer, text, 4, "49406 3306 3306 49407");
	assert_ids(tokenizer, text, 2, "49406 49407");
	assert_ids(tokenizer, "hello hello", 4, "49406 3306 3306 49407");
	assert_error(tokenizer_encode(tokenizer, ids, &count, "a", 1, 1, &error), CLIPCLS_ERR_ARGUMENT,
	             "context_length 1");
	tokenizer_free(tokenizer);
}

static void contractions_are_words_in_either_case(void **state)
{
	struct tokenizer *huggingface = builtin(TEXT_CLEANING_HUGGINGFACE);
	struct tokenizer *openclip = builtin(TEXT_CLEANING_OPENCLIP);
	(void)state;
	assert_ids(huggingface, "DON'T don't I'LL", 77, "49406 847 713 847 713 328 1342 49407");
	assert_ids(openclip, "DON'T don\xe2\x80\x99t I'LL", 77, "49406 847 713 847 713 328 1342 49407");
	/* A long s folds to s, for open_clip alone. */
	assert_ids(openclip, "'\xc5\xbf", 77, "49406 6 129 379 49407");
	assert_ids(huggingface, "'\xc5\xbf", 77, "49406 262 129 379 49407");
	tokenizer_free(huggingface);
	tokenizer_free(openclip);
}

static void special_tokens_inside_text_are_each_references_own(void **state)
{
	struct tokenizer *huggingface = builtin(TEXT_CLEANING_HUGGINGFACE);
	struct tokenizer *openclip = builtin(TEXT_CLEANING_OPENCLIP);
	(void)state;
	assert_ids(huggingface, "a <|startoftext|>b<|endoftext|>c", 77,
	           "49406 320 49406 321 49407 322 49407");
	assert_ids(huggingface, "<|STARTOFTEXT|>", 77, "49406 27 347 993 6659 4160 91 285 49407");
	/* In capitals it is text, but a word of its own: the contraction behind it is whole. */
	assert_ids(huggingface, "<|ENDOFTEXT|>'s", 77, "49406 27 347 40786 4160 91 285 568 49407");
	assert_ids(openclip, "a <start_of_text>b<END_OF_TEXT>c", 77,
	           "49406 320 49406 321 49407 322 49407");
	assert_ids(openclip, "<|startoftext|>", 77, "49406 27 347 993 6659 4160 91 285 49407");
	tokenizer_free(huggingface);
	tokenizer_free(openclip);
}

static void a_prompt_that_is_not_utf8_is_refused(void **state)
{
	struct tokenizer *tokenizer = builtin(TEXT_CLEANING_HUGGINGFACE);
	int32_t ids[8];
	size_t count;
	(void)state;
	assert_error(tokenizer_encode(tokenizer, ids, &count, "a\xff", 2, 8, &error),
	             CLIPCLS_ERR_FORMAT, "not UTF-8");
	tokenizer_free(tokenizer);
}

static void a_word_of_a_million_letters_takes_no_quadratic_time(void **state)
{
	const size_t n = 1000000;
	struct tokenizer *tokenizer = builtin(TEXT_CLEANING_HUGGINGFACE);
	char *text = malloc(n);
	int32_t ids[77];
	size_t count;
	(void)state;
	assert_non_null(text);
	memset(text, 'a', n);
	assert_ok(tokenizer_encode(tokenizer, ids, &count, text, n, 77, &error));
	assert_int_equal(count, 77);
	assert_int_equal(ids[76], 49407);
	free(text);
	tokenizer_free(tokenizer);
}

/* ---- cleaning ------------------------------------------------------------------------------- */

typedef void (*clean_fn)(struct buffer *out, const char *text, size_t n);

static void assert_cleaned(clean_fn clean, const char *text, const char *expected)
{
	struct buffer out = { 0 };
	buffer_text(&out, "");
	clean(&out, text, strlen(text));
	assert_string_equal(out.bytes, expected);
	buffer_free(&out);
}

static void cleaning_composes_and_lowers(void **state)
{
	(void)state;
	assert_cleaned(clean_huggingface, "CAFE\xcc\x81", "caf\xc3\xa9");
	assert_cleaned(clean_huggingface, "\xc4\xb0", "i\xcc\x87");
	/* Final sigma: open_clip alone. */
	assert_cleaned(clean_huggingface, "\xce\x91\xce\xa3", "\xce\xb1\xcf\x83");
	assert_cleaned(clean_openclip, "\xce\x91\xce\xa3", "\xce\xb1\xcf\x82");
	assert_cleaned(clean_openclip, "\xce\x91\xce\xa3\xce\x91", "\xce\xb1\xcf\x83\xce\xb1");
	assert_cleaned(clean_openclip, "\xce\xa3", "\xcf\x83");
}

static void openclip_cleaning_is_ftfys(void **state)
{
	(void)state;
	assert_cleaned(clean_openclip, "\xef\xac\x81sh", "fish");
	assert_cleaned(clean_openclip, "\xef\xbc\xa1\xef\xbc\x91", "a1");
	assert_cleaned(clean_openclip, "\xe2\x80\x9cx\xe2\x80\x9d", "\"x\"");
	assert_cleaned(clean_openclip,
	               "\xef\xbb\xbf"
	               "a\x01\x7f",
	               "a");
	assert_cleaned(clean_openclip, "\x1b[31mred\x1b[0m", "red");
	assert_cleaned(clean_openclip, "a\r\nb\rc", "a\nb\nc");
	assert_cleaned(clean_openclip, "&EACUTE;&amp;amp;lt;", "\xc3\xa9<");
	/* "<" makes ftfy leave entities alone; html.unescape still takes two layers off. */
	assert_cleaned(clean_openclip, "<&amp;amp;lt;", "<&lt;");
}

static void html_references_decode_as_pythons_do(void **state)
{
	(void)state;
	assert_cleaned(html_unescape, "&amp;&amp&ampx", "&&&x");
	assert_cleaned(html_unescape, "&notit;&notin;", "\xc2\xacit;\xe2\x88\x89");
	assert_cleaned(html_unescape, "&#233;&#xE9;&#xe9", "\xc3\xa9\xc3\xa9\xc3\xa9");
	assert_cleaned(html_unescape, "&#0;&#xD800;&#x110000;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_cleaned(html_unescape, "&#150;&#1;&;&#;&#x;&", "\xe2\x80\x93&;&#;&#x;&");
	assert_cleaned(html_unescape_strict, "&amp&amp;&SZLIG;&#59;&#65;&#65", "&amp&SS&#59;A&#65");
}

/* ---- hostile files -------------------------------------------------------------------------- */

static void vocabularies_that_contradict_themselves_are_refused(void **state)
{
	struct tokenizer *t = NULL;
	(void)state;
	assert_error(open_vocab(&t, "{\"a\":0,\"a\":1," SPECIAL_TOKENS "}", "", 10), CLIPCLS_ERR_FORMAT,
	             "dir/vocab.json: token \"a\" stands twice");
	assert_error(open_vocab(&t, "{\"a\":0,\"b\":0," SPECIAL_TOKENS "}", "", 10), CLIPCLS_ERR_FORMAT,
	             "dir/vocab.json: id 0 stands twice");
	assert_error(open_vocab(&t, SMALL_VOCAB, SMALL_MERGES, 9), CLIPCLS_ERR_FORMAT,
	             "id 9 of token \"<|endoftext|>\" is beyond the text tower's vocab_size 9");
	assert_error(open_vocab(&t, "{" SMALL_TOKENS "}", SMALL_MERGES, 10), CLIPCLS_ERR_FORMAT,
	             "lacks the token \"<|startoftext|>\"");
	assert_error(open_vocab(&t, SMALL_VOCAB, "a c\n", 10), CLIPCLS_ERR_FORMAT,
	             "dir/vocab.json: merge 1, \"a\" and \"c\", names a token");
	/* What the merge makes is a token, and one of its halves is not. */
	assert_error(open_vocab(&t, "{\"a\":0,\"ac\":1," SPECIAL_TOKENS "}", "a c\n", 10),
	             CLIPCLS_ERR_FORMAT, "merge 1, \"a\" and \"c\"");
	assert_error(open_vocab(&t, "{\"a\":0,\"ca\":1," SPECIAL_TOKENS "}", "c a\n", 10),
	             CLIPCLS_ERR_FORMAT, "merge 1, \"c\" and \"a\"");
	assert_error(open_vocab(&t, SMALL_VOCAB, "aab</w>\n", 10), CLIPCLS_ERR_FORMAT, "merge 1");
	assert_error(open_vocab(&t, SMALL_VOCAB, "a b</w> c\n", 10), CLIPCLS_ERR_FORMAT, "merge 1");
	assert_error(open_vocab(&t, SMALL_VOCAB, NULL, 10), CLIPCLS_ERR_FORMAT, "no merges.txt");
	assert_error(open_vocab(&t, SMALL_VOCAB, "", 0), CLIPCLS_ERR_FORMAT, "not a vocabulary");
}

static void vocabularies_that_are_broken_json_are_refused(void **state)
{
	static const char *const broken[] = {
		"",
		"[]",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":}",
		"{\"a\":0",
		"{\"a\":0,}",
		"{\"a\":0 \"b\":1}",
		"{,\"a\":0}",
		"{\"a\":-1}",
		"{\"a\":1.5}",
		"{\"a\":1e3}",
		"{\"a\":01}",
		"{\"a\":\"0\"}",
		"{\"a\":99999999999999999999999}",
		"{\"a",
		"{\"a\\",
		"{\"a\\x\":0}",
		"{\"\\u12\":0}",
		"{\"\\u0000\":0}",
		"{\"\\ud800\":0}",
		"{\"\\ud800\\u0041\":0}",
		"{\"\\udc00\":0}",
		"{\"a\n\":0}",
		"{\"\xff\":0}",
		SMALL_VOCAB "x",
	};
	struct tokenizer *tokenizer = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		assert_error(open_vocab(&tokenizer, broken[i], "", 10), CLIPCLS_ERR_FORMAT,
		             "dir/vocab.json: ");
		/* For what it is, and not for the special tokens that it lacks besides. */
		if (strstr(error.message, "lacks") != NULL)
			fail_msg("%s: %s", broken[i], error.message);
	}
}

static void escapes_in_a_vocabulary_are_decoded(void **state)
{
	struct tokenizer *tokenizer = NULL;
	(void)state;
	assert_ok(open_vocab(&tokenizer,
	                     "{\"\\u0061\":0,\"\\u0061<\\/w>\":1,\"\\u00c3\":2,\"\xc2\xa9</w>\":3,"
	                     "\"\\ud83d\\ude00\":4,\"\\\"</w>\":5," SPECIAL_TOKENS "}\r\n",
	                     "", 10));
	assert_ids(tokenizer, "aa \xc3\xa9 \"", 77, "8 0 1 2 3 5 9");
	tokenizer_free(tokenizer);
}

/* ---- tokenizer.json ------------------------------------------------------------------------- */

static void tokenizer_json_with_either_form_of_merges_works(void **state)
{
	static const char *const documents[] = {
		TOKENIZER_JSON,
		"{" ADDED "," NORMALIZER "," PRE_TOKENIZER
		"," MODEL(BPE, "[\"a\",\"b</w>\"],[\"a\",\"a\"]") "}",
		"{\"version\":\"1.0\",\"truncation\":null,\"decoder\":{\"x\":[1,{}]}," MODEL(
		    "", "\"a b</w>\",\"a a\"") "," NORMALIZER "," PRE_TOKENIZER "," ADDED "}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		struct tokenizer *tokenizer = NULL;
		assert_ok(open_json(&tokenizer, documents[i]));
		assert_ids(tokenizer, "aaab <|endoftext|>", 77, "8 5 4 9 9");
		tokenizer_free(tokenizer);
	}
}

static void tokenizer_json_of_another_kind_is_named(void **state)
{
	struct tokenizer *t = NULL;
	(void)state;
	assert_error(open_json(&t, "{" NORMALIZER "," PRE_TOKENIZER
	                           "," MODEL("\"type\":\"WordPiece\",", "") "}"),
	             CLIPCLS_ERR_UNSUPPORTED,
	             "dir/tokenizer.json: model type is not CLIP's: \"WordPiece\"");
	assert_error(open_json(&t, "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1.5]]}}"),
	             CLIPCLS_ERR_UNSUPPORTED, "\"Unigram\"");
	assert_error(
	    open_json(&t, "{\"normalizer\":{\"type\":\"NFKC\"}," PRE_TOKENIZER "," MODEL(BPE, "") "}"),
	    CLIPCLS_ERR_UNSUPPORTED, "normalizer is not CLIP's: {\"type\":\"NFKC\"}");
	assert_error(open_json(&t, "{" NORMALIZER
	                           ",\"pre_tokenizer\":{\"type\":\"Whitespace\"}," MODEL(BPE, "") "}"),
	             CLIPCLS_ERR_UNSUPPORTED, "pre_tokenizer is not CLIP's: {\"type\":\"Whitespace\"}");
	assert_error(
	    open_json(&t, "{" NORMALIZER "," PRE_TOKENIZER
	                  ",\"added_tokens\":[{\"id\":7,\"content\":\"<img>\"}]," MODEL(BPE, "") "}"),
	    CLIPCLS_ERR_UNSUPPORTED, "an added token is not CLIP's");
	assert_error(open_json(&t, "{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}"),
	             CLIPCLS_ERR_UNSUPPORTED, "end_of_word_suffix");
}

static void tokenizer_json_that_is_broken_is_refused(void **state)
{
	static const char *const broken[] = {
		"{}",
		"{\"model\":{}",
		"{\"model\":5}",
		"{\"model\":{\"vocab\":{\"a\":0},\"vocab\":{}}}",
		"{\"model\":{\"type\":\"BPE\",\"type\":\"BPE\"}}",
		"{\"model\":{},\"model\":{}}",
		"{\"normalizer\":{]}",
		"{\"normalizer\":{\"a\":1,\"a\":2}}",
		"{\"x\":\"unfinished",
		"{\"x\":\"a\\",
		"{\"x\":[[[}",
		"{\"x\":}",
		"{" ADDED "," NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "\"ab\"") "}",
		"{" ADDED "," NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "[\"a\"]") "}",
		"{" ADDED "," NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "[\"a\",\"b\",\"c\"]") "}",
		"{" ADDED "," NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "7") "}",
		"{" NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "") "}",
		"{\"added_tokens\":[{\"content\":\"<|endoftext|>\"}]," NORMALIZER "," PRE_TOKENIZER
		"," MODEL(BPE, "") "}",
	};
	struct tokenizer *tokenizer = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		clipcls_status status = open_json(&tokenizer, broken[i]);
		if (status != CLIPCLS_ERR_FORMAT && status != CLIPCLS_ERR_UNSUPPORTED)
			fail_msg("%s: status %d", broken[i], (int)status);
		assert_non_null(strstr(error.message, "dir/tokenizer.json: "));
	}
}

/* Every cut of a good file fails with a message or, never, crashes. */
static void cut_files_are_refused(void **state)
{
	static const char vocab[] = SMALL_VOCAB;
	static const char document[] =
	    "{" ADDED "," NORMALIZER "," PRE_TOKENIZER "," MODEL(BPE, "[\"a\",\"b</w>\"]") "}";
	struct tokenizer *tokenizer = NULL;
	(void)state;
	for (size_t n = 0; n < sizeof vocab - 1; n++) {
		char *cut = strndup(vocab, n);
		assert_int_equal(open_vocab(&tokenizer, cut, SMALL_MERGES, 10), CLIPCLS_ERR_FORMAT);
		free(cut);
	}
	for (size_t n = 0; n < sizeof document - 1; n++) {
		char *cut = strndup(document, n);
		assert_int_equal(open_json(&tokenizer, cut), CLIPCLS_ERR_FORMAT);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtin_vocabulary_gives_clips_ids),
		cmocka_unit_test(merges_go_by_rank_and_not_by_length),
		cmocka_unit_test(a_pair_listed_twice_ranks_by_its_last_place),
		cmocka_unit_test(two_merges_may_make_one_token),
		cmocka_unit_test(bytes_that_are_no_token_become_the_end_token),
		cmocka_unit_test(truncation_keeps_the_end_token_last),
		cmocka_unit_test(contractions_are_words_in_either_case),
		cmocka_unit_test(special_tokens_inside_text_are_each_references_own),
		cmocka_unit_test(a_prompt_that_is_not_utf8_is_refused),
		cmocka_unit_test(a_word_of_a_million_letters_takes_no_quadratic_time),
		cmocka_unit_test(cleaning_composes_and_lowers),
		cmocka_unit_test(openclip_cleaning_is_ftfys),
		cmocka_unit_test(html_references_decode_as_pythons_do),
		cmocka_unit_test(vocabularies_that_contradict_themselves_are_refused),
		cmocka_unit_test(vocabularies_that_are_broken_json_are_refused),
		cmocka_unit_test(escapes_in_a_vocabulary_are_decoded),
		cmocka_unit_test(tokenizer_json_with_either_form_of_merges_works),
		cmocka_unit_test(tokenizer_json_of_another_kind_is_named),
		cmocka_unit_test(tokenizer_json_that_is_broken_is_refused),
		cmocka_unit_test(cut_files_are_refused),
	};
	return cmocka_run_group_tests_name("text tokenizer", tests, NULL, NULL);
}
