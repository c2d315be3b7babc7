/* Labels, templates, JSON and tokenizers when memory is out. */
#include "failing.h"

#include "test_pipeline.h"
#include "test_spiece.h"
#include "test_tokenizer.h"

#include "base/json.h"
#include "base/xml.h"
#include "text/labels.h"
#include "text/prompt_rows.h"
#include "text/tokenizer.h"

#include <stdlib.h>

#define CLIP_VOCAB_SIZE 49408
#define CONTEXT_LENGTH 77

/* ---- labels and templates ------------------------------------------------------------------- */

static clipcls_status add_labels(const void *context, clipcls_error *error)
{
	const char *const prompts[] = { "a photo of a cat", "a cat" };
	clipcls_labels *labels = NULL;
	(void)context;
	clipcls_status status = clipcls_labels_new(&labels, error);
	assert_true((status == CLIPCLS_OK) == (labels != NULL));
	if (status == CLIPCLS_OK)
		status = clipcls_labels_add(labels, "cat", prompts, 2, error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_add(labels, "dog", NULL, 0, error);
	if (status == CLIPCLS_OK)
		assert_int_equal(clipcls_labels_count(labels), 2);
	clipcls_labels_free(labels);
	return status;
}

/* More than an empty list has room for. */
static clipcls_status add_many_labels(const void *context, clipcls_error *error)
{
	static const char text[] = "a\tb\tc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn\no\np\nq\nr\ns\nt\nu\n";
	clipcls_labels *labels = NULL;
	(void)context;
	clipcls_status status = clipcls_labels_new(&labels, error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_add_text(labels, text, sizeof text - 1, "labels.txt", error);
	if (status == CLIPCLS_OK)
		assert_int_equal(clipcls_labels_count(labels), 19);
	clipcls_labels_free(labels);
	return status;
}

static clipcls_status apply_templates(const void *context, clipcls_error *error)
{
	clipcls_templates *templates = NULL;
	static const char text[] = "a {} b {}\n{}\n";
	(void)context;
	clipcls_status status = clipcls_templates_new(&templates, error);
	assert_true((status == CLIPCLS_OK) == (templates != NULL));
	if (status == CLIPCLS_OK)
		status = clipcls_templates_add(templates, "{}!", error);
	if (status == CLIPCLS_OK)
		status = clipcls_templates_add_text(templates, text, sizeof text - 1, "t.txt", error);
	if (status == CLIPCLS_OK)
		status = clipcls_templates_add_set(templates, "openai7", error);
	if (status == CLIPCLS_OK) {
		char *prompt = templates_apply(templates, 1, "cat");
		if (prompt == NULL)
			status = error_memory(error);
		else
			assert_string_equal(prompt, "a cat b cat");
		free(prompt);
	}
	clipcls_templates_free(templates);
	return status;
}

static void labels_and_templates(void **state)
{
	(void)state;
	expect_memory_errors("labels", add_labels, NULL);
	expect_memory_errors("many labels", add_many_labels, NULL);
	expect_memory_errors("templates", apply_templates, NULL);
}

/* ---- JSON and XML --------------------------------------------------------------------------- */

static clipcls_status parse_json(const void *context, clipcls_error *error)
{
	const char *text = context;
	json *root = NULL;
	clipcls_status status = json_parse(&root, text, strlen(text), "a.json", error);
	assert_true((status == CLIPCLS_OK) == (root != NULL));
	json_free(root);
	return status;
}

static clipcls_status write_json(const void *context, clipcls_error *error)
{
	const char *text = context;
	struct buffer out = { 0 };
	json *root = NULL;
	clipcls_status status = json_parse(&root, text, strlen(text), "a.json", error);
	if (status == CLIPCLS_OK) {
		json_write(&out, root);
		json_write_text(&out, "\x01\xff\"");
		xml_write_text(&out, "<&\x01", 3);
		status = out.failed ? error_memory(error) : CLIPCLS_OK;
	}
	json_free(root);
	buffer_free(&out);
	return status;
}

static void json_and_xml(void **state)
{
	static const char text[] =
	    "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":null,\"e\":{},\"f\":1,\"g\":2,\"h\":3,\"i\":4,\"j\":5,"
	    "\"k\":6,\"l\":7,\"m\":8,\"n\":\"\\u00e9\",\"o\":true,\"p\":false}";
	(void)state;
	expect_memory_errors("JSON", parse_json, text);
	expect_memory_errors("JSON and XML written", write_json, text);
}

static void longer_text_than_a_line_holds(void **state)
{
	struct buffer out = { 0 };
	char text[600];
	(void)state;
	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	failing_begin(1, 0);
	buffer_format(&out, "%s", text);
	assert_true(failing_end());
	assert_true(out.failed && out.bytes == NULL);
	buffer_clear(&out);
	buffer_format(&out, "%s", text);
	assert_string_equal(out.bytes, text);
	buffer_free(&out);
}

/* ---- tokenizers ----------------------------------------------------------------------------- */

struct files {
	const struct tokenizer_files *files;
	size_t vocab_size;
	struct tokenizer_config config;
	int32_t ids[CONTEXT_LENGTH]; /* what the text becomes */
	size_t count;
};

/* Words of several symbols, some of which are tokens of no file here. */
static const char text[] = "Ab a b &amp; caf\xc3\xa9 \xef\xbc\xa1 e\xcc\x81 isn't 42 it? "
                           "abababababababababababababababababababababababababababab";

static clipcls_status encode(const void *context, clipcls_error *error)
{
	const struct files *files = context;
	struct tokenizer *tokenizer = NULL;
	int32_t ids[CONTEXT_LENGTH] = { 0 };
	size_t count = 0;
	clipcls_status status =
	    tokenizer_new(&tokenizer, files->files, &files->config, files->vocab_size, error);
	assert_true((status == CLIPCLS_OK) == (tokenizer != NULL));
	if (status == CLIPCLS_OK)
		status =
		    tokenizer_encode(tokenizer, ids, &count, text, sizeof text - 1, CONTEXT_LENGTH, error);
	if (status == CLIPCLS_OK) {
		assert_int_equal(count, files->count);
		assert_memory_equal(ids, files->ids, count * sizeof *ids);
	}
	tokenizer_free(tokenizer);
	return status;
}

/* utf8proc gives back what a text does not take, and goes on where that fails. */
static void expect_tokenizer(const char *name, struct files files)
{
	struct tokenizer *tokenizer = NULL;
	clipcls_error error;
	assert_ok(tokenizer_new(&tokenizer, files.files, &files.config, files.vocab_size, &error));
	assert_ok(tokenizer_encode(tokenizer, files.ids, &files.count, text, sizeof text - 1,
	                           CONTEXT_LENGTH, &error));
	tokenizer_free(tokenizer);
	expect_memory_errors_or_success(name, encode, &files);
}

static void tokenizers(void **state)
{
	static const char vocab[] = SMALL_VOCAB, merges[] = SMALL_MERGES, document[] = TOKENIZER_JSON;
	const struct tokenizer_files pair = { .vocab = vocab,
		                                  .vocab_size = sizeof vocab - 1,
		                                  .merges = merges,
		                                  .merges_size = sizeof merges - 1,
		                                  .path = "vocab.json" };
	const struct tokenizer_files single = { .tokenizer_json = document,
		                                    .tokenizer_json_size = sizeof document - 1,
		                                    .path = "tokenizer.json" };
	(void)state;
	expect_tokenizer(
	    "vocab.json",
	    (struct files){
	        &pair, 10, { TOKENIZER_CLIP, TEXT_CLEANING_HUGGINGFACE, false }, { 0 }, 0 });
	expect_tokenizer(
	    "tokenizer.json",
	    (struct files){
	        &single, 10, { TOKENIZER_CLIP, TEXT_CLEANING_HUGGINGFACE, false }, { 0 }, 0 });
	expect_tokenizer("built-in",
	                 (struct files){ NULL,
	                                 CLIP_VOCAB_SIZE,
	                                 { TOKENIZER_CLIP, TEXT_CLEANING_HUGGINGFACE, false },
	                                 { 0 },
	                                 0 });
	expect_tokenizer(
	    "built-in, open_clip",
	    (struct files){
	        NULL, CLIP_VOCAB_SIZE, { TOKENIZER_CLIP, TEXT_CLEANING_OPENCLIP, false }, { 0 }, 0 });
}

/* What grows with its content: more tokens than the tables were made for. */
static void other_tokenizers(void **state)
{
	static const char *const documents[] = { UNIGRAM_JSON, BPE_JSON, WORDPIECE_JSON };
	static const struct tokenizer_config configs[] = {
		{ TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_OPENCLIP_CANONICALIZE, false },
		{ TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_LOWER, false },
		{ TOKENIZER_WORDPIECE, TEXT_CLEANING_OPENCLIP_LOWER, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		const struct tokenizer_files files = { .tokenizer_json = documents[i],
			                                   .tokenizer_json_size = strlen(documents[i]),
			                                   .path = "tokenizer.json" };
		expect_tokenizer(documents[i], (struct files){ &files, 100, configs[i], { 0 }, 0 });
	}
	static const char lines[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nab\n1\n2\n3\n4\n5\n6\n";
	const struct tokenizer_files words = { .vocab_txt = lines,
		                                   .vocab_txt_size = sizeof lines - 1,
		                                   .path = "vocab.txt" };
	const struct tokenizer_config none = { TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE, false };
	expect_tokenizer("vocab.txt", (struct files){ &words, 100, none, { 0 }, 0 });
	struct buffer model = { 0 }, map = { 0 }, normalizer = { 0 };
	put_small_model(&model);
	put_charsmap(&map, "a");
	put_bytes(&normalizer, 2, map.bytes, map.size);
	put_bytes(&model, 3, normalizer.bytes, normalizer.size);
	for (unsigned i = 0; i < 40; i++)
		put_piece(&model, (char[]){ '!' + (char)(i % 6), '0' + (char)(i / 6), '\0' }, -9, NORMAL);
	const struct tokenizer_files spiece = { .spiece = model.bytes,
		                                    .spiece_size = model.size,
		                                    .path = "spiece.model" };
	const struct tokenizer_config siglip = { TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_SIGLIP, false };
	expect_tokenizer("spiece.model", (struct files){ &spiece, 100, siglip, { 0 }, 0 });
	buffer_free(&model);
	buffer_free(&map);
	buffer_free(&normalizer);
}

/* ---- prompts -------------------------------------------------------------------------------- */

static clipcls_status build_trie(const void *context, clipcls_error *error)
{
	static const int32_t ids[] = { 1, 2, 3, 1, 2, 4, 1, 2, 3 };
	const struct prompt prompts[] = { { ids, 3, 2 }, { ids + 3, 3, 2 }, { ids + 6, 3, 2 } };
	struct prompt_rows trie = { 0 };
	size_t order[3], used = 0;
	uint32_t end_of[3];
	(void)context;
	clipcls_status status = prompt_sort(order, prompts, 3, error);
	if (status == CLIPCLS_OK)
		status = prompt_trie_build(&trie, &used, end_of, prompts, order, 3, 100, error);
	if (status == CLIPCLS_OK)
		assert_int_equal(trie.count, 4);
	prompt_rows_free(&trie);
	return status;
}

static void prompts(void **state)
{
	(void)state;
	expect_memory_errors("prompts", build_trie, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_and_templates),
		cmocka_unit_test(json_and_xml),
		cmocka_unit_test(longer_text_than_a_line_holds),
		cmocka_unit_test(tokenizers),
		cmocka_unit_test(other_tokenizers),
		cmocka_unit_test(prompts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
