/* SentencePiece model files: what is read from them, what is refused, and the way to SigLIP's ids.
 */
#include "test_ids.h"
#include "test_spiece.h"

#include "text/charsmap.h"
#include "text/protobuf.h"

#include <math.h>
#include <stdio.h>

#define UNDERLINE "\xe2\x96\x81"

static clipcls_error error;

static clipcls_status open_model(struct tokenizer **out, const struct buffer *model)
{
	const struct tokenizer_files files = { .spiece = model->bytes,
		                                   .spiece_size = model->size,
		                                   .path = "spiece.model" };
	const struct tokenizer_config config = { .kind = TOKENIZER_SENTENCEPIECE,
		                                     .cleaning = TEXT_CLEANING_SIGLIP };
	return tokenizer_new(out, &files, &config, 300, &error);
}

static void expect_refused(const struct buffer *model, clipcls_status expected, const char *message)
{
	struct tokenizer *tokenizer = NULL;
	assert_int_equal(open_model(&tokenizer, model), expected);
	assert_null(tokenizer);
	if (strstr(error.message, message) == NULL || strstr(error.message, "spiece.model") == NULL)
		fail_msg("\"%s\" lacks \"%s\"", error.message, message);
}

static void the_best_way_to_cut_a_text_is_taken(void **state)
{
	struct tokenizer *tokenizer = NULL;
	struct buffer model = { 0 };
	(void)state;
	put_small_model(&model);
	assert_ok(open_model(&tokenizer, &model));
	EXPECT("cat", CONTEXT_LENGTH, 4, 1);
	EXPECT(" CAT!  a-c ", CONTEXT_LENGTH, 3, 4, 3, 5, 6, 1);
	EXPECT("cat cat", 3, 4, 4, 1);
	EXPECT("cat cat", 2, 4, 1);
	/* Runs of what is unknown are one token, or the piece that they are. */
	EXPECT("cat\xc3\xa9\xc3\xa9", CONTEXT_LENGTH, 4, 2, 1);
	EXPECT("xya", CONTEXT_LENGTH, 3, 9, 5, 1);
	EXPECT("", CONTEXT_LENGTH, 1);
	tokenizer_free(tokenizer);
	buffer_free(&model);
}

static void special_tokens_are_cut_out_of_a_text(void **state)
{
	struct tokenizer *tokenizer = NULL;
	struct buffer model = { 0 };
	(void)state;
	put_small_model(&model);
	assert_ok(open_model(&tokenizer, &model));
	EXPECT("cat</s>cat", CONTEXT_LENGTH, 4, 1, 7, 8, 1);
	EXPECT("cat</s>", CONTEXT_LENGTH, 4, 1);
	EXPECT("<unk> a</s> c", CONTEXT_LENGTH, 2, 5, 1, 6, 1);
	EXPECT("</S>" UNDERLINE "a", CONTEXT_LENGTH, 3, 2, 3, 5, 1);
	tokenizer_free(tokenizer);
	buffer_free(&model);
}

static void the_normalizer_is_the_files(void **state)
{
	struct tokenizer *tokenizer = NULL;
	struct buffer model = { 0 }, normalizer = { 0 }, map = { 0 };
	(void)state;
	put_charsmap(&map, "ca");
	put_small_model(&model);
	put_bytes(&normalizer, 2, map.bytes, map.size);
	put_number(&normalizer, 4, 0); /* remove_extra_whitespaces */
	put_number(&normalizer, 3, 0); /* add_dummy_prefix */
	put_number(&normalizer, 5, 1); /* escape_whitespaces */
	put_number(&normalizer, 99, 1);
	put_bytes(&model, 3, normalizer.bytes, normalizer.size);
	put_piece(&model, "tt", -1, USER_DEFINED);
	assert_ok(open_model(&tokenizer, &model));
	EXPECT("a cattt", CONTEXT_LENGTH, 3, 5, 4, 10, 1);
	/* The U+2581 that goes before every text does not stay alone before a special token. */
	EXPECT("</s>a", CONTEXT_LENGTH, 1, 5, 1);
	tokenizer_free(tokenizer);
	buffer_free(&model);
	buffer_free(&normalizer);
	buffer_free(&map);
}

static void put_byte_pieces(struct buffer *model, unsigned n)
{
	struct buffer trainer = { 0 };
	put_number(&trainer, 35, 1);
	put_number(&trainer, 3, 1);
	put_bytes(model, 2, trainer.bytes, trainer.size);
	for (unsigned i = 0; i < n; i++) {
		char text[16];
		snprintf(text, sizeof text, "<0x%02X>", i);
		put_piece(model, text, 0, BYTE);
	}
	buffer_free(&trainer);
}

static void unknown_characters_fall_back_on_bytes(void **state)
{
	struct tokenizer *tokenizer = NULL;
	struct buffer model = { 0 };
	(void)state;
	put_small_model(&model);
	put_byte_pieces(&model, 256);
	assert_ok(open_model(&tokenizer, &model));
	EXPECT("cat\xc3\xa9", CONTEXT_LENGTH, 4, 10 + 0xc3, 10 + 0xa9, 1);
	EXPECT("xy", CONTEXT_LENGTH, 3, 10 + 'x', 10 + 'y', 1);
	tokenizer_free(tokenizer);
	buffer_clear(&model);
	put_small_model(&model);
	put_byte_pieces(&model, 255);
	expect_refused(&model, CLIPCLS_ERR_FORMAT, "byte_fallback without pieces");
	buffer_free(&model);
}

static void a_token_beyond_the_embeddings_is_an_error_of_the_prompt(void **state)
{
	struct tokenizer *tokenizer = NULL;
	struct buffer model = { 0 };
	int32_t ids[4];
	size_t count;
	(void)state;
	put_small_model(&model);
	for (unsigned i = 0; i < 300; i++) {
		char text[8];
		snprintf(text, sizeof text, "z%u", i);
		put_piece(&model, text, -9, NORMAL);
	}
	assert_ok(open_model(&tokenizer, &model));
	assert_int_equal(tokenizer_encode(tokenizer, ids, &count, "z299", 4, 4, &error),
	                 CLIPCLS_ERR_FORMAT);
	assert_non_null(strstr(error.message, "token 309, beyond the text tower's vocab_size 300"));
	tokenizer_free(tokenizer);
	buffer_free(&model);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void broken_messages_are_refused(void **state)
{
	struct buffer model = { 0 }, cut;
	(void)state;
	put_small_model(&model);
	expect_refused(&(struct buffer){ .bytes = "", .size = 0 }, CLIPCLS_ERR_FORMAT,
	               "no SentencePiece model");
	/* Cut anywhere but between two pieces; the last one before which all that is needed stands. */
	for (size_t n = 1; n < model.size; n++) {
		struct tokenizer *tokenizer = NULL;
		cut = model;
		cut.size = n;
		if (open_model(&tokenizer, &cut) == CLIPCLS_OK)
			tokenizer_free(tokenizer);
		else
			assert_non_null(strstr(error.message, "spiece.model: "));
	}
	static const char *const wrong[] = {
		"\x0a\xff",                                     /* longer than the file */
		"\x0b",                                         /* a group */
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", /* a number without an end */
		"\x09zzz",                                      /* 64 bits of which 24 are there */
		"\x0a\x02\x0a\x09",                             /* inside a piece */
		"\x12\x02\x0a\x09",                             /* inside trainer_spec */
		"\x1a\x02\x0a\x09",                             /* inside normalizer_spec */
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct buffer copy = { 0 };
		buffer_append(&copy, model.bytes, model.size);
		buffer_text(&copy, wrong[i]);
		expect_refused(&copy, CLIPCLS_ERR_FORMAT, "no SentencePiece model");
		buffer_free(&copy);
	}
	buffer_free(&model);
}

static void models_of_other_kinds_are_refused(void **state)
{
	struct buffer model = { 0 };
	static const char bpe[] = { 0x18, 2 }, suffix[] = { (char)0xc0, 1, 1 };
	(void)state;
	put_small_model(&model);
	put_bytes(&model, 2, bpe, sizeof bpe);
	expect_refused(&model, CLIPCLS_ERR_UNSUPPORTED, "not supported: trainer_spec.model_type 2");
	buffer_clear(&model);
	put_small_model(&model);
	put_bytes(&model, 2, suffix, sizeof suffix);
	expect_refused(&model, CLIPCLS_ERR_UNSUPPORTED, "treat_whitespace_as_suffix");
	buffer_free(&model);
}

static void pieces_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *text;
		float score;
		unsigned type;
		const char *message;
	} cases[] = {
		{ "", 0, NORMAL, "is empty" },
		{ "\xff", 0, NORMAL, "is not UTF-8" },
		{ "a", 0, NORMAL, "stands twice" },
		{ "n", NAN, NORMAL, "a type or a score that makes no sense" },
		{ "n", 0, 7, "a type or a score that makes no sense" },
		{ "n", 0, 0, "a type or a score that makes no sense" },
		{ "n", 0, UNKNOWN, "two pieces are the unknown one" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buffer model = { 0 };
		put_small_model(&model);
		put_piece(&model, cases[i].text, cases[i].score, cases[i].type);
		expect_refused(&model, CLIPCLS_ERR_FORMAT, cases[i].message);
		buffer_free(&model);
	}
	struct buffer model = { 0 };
	char text[600];
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	put_small_model(&model);
	put_piece(&model, text, 0, NORMAL);
	expect_refused(&model, CLIPCLS_ERR_UNSUPPORTED, "more than 512 bytes");
	buffer_free(&model);
}

static void pieces_that_are_needed_have_to_be_there(void **state)
{
	struct buffer model = { 0 };
	(void)state;
	put_piece(&model, "a", 0, NORMAL);
	expect_refused(&model, CLIPCLS_ERR_FORMAT, "no piece is the unknown one");
	put_piece(&model, "?", 0, UNKNOWN);
	expect_refused(&model, CLIPCLS_ERR_FORMAT, "lacks the piece \"</s>\"");
	put_piece(&model, "</s>", 0, CONTROL);
	expect_refused(&model, CLIPCLS_ERR_FORMAT, "lacks the piece \"<unk>\"");
	buffer_free(&model);
}

static void without_a_model_there_is_no_tokenizer(void **state)
{
	struct tokenizer *tokenizer = NULL;
	const struct tokenizer_files none = { 0 };
	struct tokenizer_config config = { .kind = TOKENIZER_SENTENCEPIECE,
		                               .cleaning = TEXT_CLEANING_SIGLIP };
	(void)state;
	assert_int_equal(tokenizer_new(&tokenizer, &none, &config, 10, &error), CLIPCLS_ERR_FORMAT);
	assert_non_null(strstr(error.message, "there is no spiece.model"));
	config.cleaning = TEXT_CLEANING_NONE;
	assert_int_equal(tokenizer_new(&tokenizer, &none, &config, 10, &error), CLIPCLS_ERR_FORMAT);
	assert_non_null(strstr(error.message, "there is no tokenizer.json"));
	const struct tokenizer_files spiece = { .spiece = "", .path = "tokenizer.model" };
	assert_int_equal(tokenizer_new(&tokenizer, &spiece, &config, 10, &error),
	                 CLIPCLS_ERR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "tokenizer.model: not supported"));
	/* Kinds and cleanings that do not go together. */
	config.kind = TOKENIZER_CLIP;
	assert_int_equal(tokenizer_new(&tokenizer, &none, &config, 10, &error), CLIPCLS_ERR_ARGUMENT);
	config = (struct tokenizer_config){ TOKENIZER_WORDPIECE, TEXT_CLEANING_SIGLIP, false };
	assert_int_equal(tokenizer_new(&tokenizer, &none, &config, 10, &error), CLIPCLS_ERR_ARGUMENT);
	config.cleaning = TEXT_CLEANING_OPENCLIP;
	assert_int_equal(tokenizer_new(&tokenizer, &none, &config, 10, &error), CLIPCLS_ERR_ARGUMENT);
}

/* ---- the character map ---------------------------------------------------------------------- */

static void broken_maps_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ "\4\0\0", 3 },        { "\0\0\0\0", 4 },         { "\5\0\0\0zzzzz", 9 },
		{ "\x8\0\0\0zzzz", 8 }, { "\4\0\0\0zzzz\xff", 9 },
	};
	struct charsmap *map = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(charsmap_new(&map, cases[i].bytes, cases[i].size, "f", &error),
		                 CLIPCLS_ERR_FORMAT);
		assert_null(map);
		assert_string_equal(error.message, "f: broken precompiled_charsmap");
	}
}

static void graphemes_are_mapped_as_a_whole_when_they_are_short(void **state)
{
	struct charsmap *map = NULL;
	struct buffer bytes = { 0 }, out = { 0 };
	(void)state;
	put_charsmap(&bytes, "xy");
	assert_ok(charsmap_new(&map, bytes.bytes, bytes.size, "f", &error));
	charsmap_graphemes(&out, map, "bAb A\xcc\x81 A\xcc\x81\xcc\x81\xcc\x81", 15);
	assert_string_equal(out.bytes, "bxyb xy xy\xcc\x81\xcc\x81\xcc\x81");
	charsmap_free(map);
	/* A rule whose replacement starts inside a character, or beyond the end, is none. */
	bytes.bytes[4 + 4 * 0x1ff] = 1;
	bytes.bytes[bytes.size - 3] = '\xc3';
	bytes.bytes[bytes.size - 2] = '\xa9';
	assert_ok(charsmap_new(&map, bytes.bytes, bytes.size, "f", &error));
	buffer_clear(&out);
	charsmap_graphemes(&out, map, "AB", 2);
	assert_string_equal(out.bytes, "AB");
	charsmap_free(map);
	bytes.bytes[4 + 4 * 0x1ff] = 100;
	assert_ok(charsmap_new(&map, bytes.bytes, bytes.size, "f", &error));
	buffer_clear(&out);
	charsmap_graphemes(&out, map, "AB", 2);
	assert_string_equal(out.bytes, "AB");
	charsmap_free(map);
	/* A leaf beyond the trie. */
	bytes.bytes[4 + 4 * ('A' ^ 0x100) + 3] = 0x7f;
	assert_ok(charsmap_new(&map, bytes.bytes, bytes.size, "f", &error));
	buffer_clear(&out);
	charsmap_graphemes(&out, map, "AB", 2);
	assert_string_equal(out.bytes, "AB");
	charsmap_free(map);
	buffer_free(&bytes);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_way_to_cut_a_text_is_taken),
		cmocka_unit_test(special_tokens_are_cut_out_of_a_text),
		cmocka_unit_test(the_normalizer_is_the_files),
		cmocka_unit_test(unknown_characters_fall_back_on_bytes),
		cmocka_unit_test(a_token_beyond_the_embeddings_is_an_error_of_the_prompt),
		cmocka_unit_test(broken_messages_are_refused),
		cmocka_unit_test(models_of_other_kinds_are_refused),
		cmocka_unit_test(pieces_that_make_no_sense_are_refused),
		cmocka_unit_test(pieces_that_are_needed_have_to_be_there),
		cmocka_unit_test(without_a_model_there_is_no_tokenizer),
		cmocka_unit_test(broken_maps_are_refused),
		cmocka_unit_test(graphemes_are_mapped_as_a_whole_when_they_are_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
