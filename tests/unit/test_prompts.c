/* Prompts that no text tower could take: ids come from files, and are places in its embeddings. */
#include "test_layouts.h"
#include "test_pipeline.h"

#include "clipcls.h"

static clipcls_error error;

/* What the text tower makes of an empty text. text: keys of text_cfg.   files: the tokenizer's,
 * name and content in turn. */
static clipcls_status embed_nothing(const char *text, const char *const *files)
{
	static const char place[] = "\"text_cfg\":{";
	const char *const texts[] = { "" };
	char *directory = openclip_checkpoint();
	struct buffer config = { 0 };
	clipcls_model *model = NULL;
	float embedding[5];
	const char *found = strstr(openclip_config, place) + strlen(place);
	buffer_append(&config, openclip_config, (size_t)(found - openclip_config));
	buffer_text(&config, text);
	buffer_text(&config, found);
	fixture_write_text(directory, "open_clip_config.json", config.bytes);
	for (; *files != NULL; files += 2)
		fixture_write_text(directory, files[0], files[1]);
	assert_ok(clipcls_model_open(&model, directory, NULL, &error));
	clipcls_status status = clipcls_embed_texts(model, texts, 1, embedding, &error);
	clipcls_model_free(model);
	buffer_free(&config);
	fixture_remove(directory);
	return status;
}

#define SETTINGS(id) \
	"{\"pad_token\":\"[PAD]\",\"added_tokens_decoder\":{\"" id "\":{\"content\":\"[PAD]\"}}}"

static void padding_is_a_token_of_the_tower(void **state)
{
	static const char context[] =
	    "\"no_causal_mask\":true,\"pool_type\":\"last\",\"hf_tokenizer_name\":\"bert-base\",";
	static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";
	const char *const last[] = { "vocab.txt", vocabulary, "tokenizer_config.json", SETTINGS("10"),
		                         NULL };
	const char *const beyond[] = { "vocab.txt", vocabulary, "tokenizer_config.json", SETTINGS("11"),
		                           NULL };
	(void)state;
	assert_ok(embed_nothing(context, last));
	assert_error(embed_nothing(context, beyond), CLIPCLS_ERR_FORMAT,
	             "padding token 11 is beyond the text tower's vocab_size 11");
}

static void a_prompt_without_tokens_is_refused(void **state)
{
	static const char end_token[] = ",{\"SpecialToken\":{\"id\":\"</s>\"}}";
	static const char document[] = UNIGRAM_JSON;
	const char *found = strstr(document, end_token);
	struct buffer bare = { 0 };
	(void)state;
	assert_non_null(found);
	buffer_append(&bare, document, (size_t)(found - document));
	buffer_text(&bare, found + strlen(end_token));
	const char *const ends[] = { "tokenizer.json", document, NULL };
	const char *const files[] = { "tokenizer.json", bare.bytes, NULL };
	assert_ok(embed_nothing("\"hf_tokenizer_name\":\"t5\",", ends));
	assert_error(embed_nothing("\"hf_tokenizer_name\":\"t5\",", files), CLIPCLS_ERR_FORMAT,
	             "a prompt has no tokens");
	buffer_free(&bare);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_is_a_token_of_the_tower),
		cmocka_unit_test(a_prompt_without_tokens_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
