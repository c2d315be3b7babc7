/* Prompts as text towers get them: ids come from files, and are places in a tower's embeddings. */
#include "test_edit.h"
#include "test_layouts.h"
#include "test_pipeline.h"

#include "clipcls.h"
#include "nn/text_tower.h"

#include <math.h>

static clipcls_error error;

/* What begins with text_cfg's keys, with more of them before. */
#define TEXT(more) "\"text_cfg\":{" more ","

/* What the text tower makes of an empty text. text: TEXT.   files: the tokenizer's, name and
 * content in turn. */
static clipcls_status embed_nothing(const char *text, const char *const *files)
{
	const char *const texts[] = { "" };
	char *directory = openclip_checkpoint();
	char *config = edited(openclip_config, "\"text_cfg\":{", text);
	clipcls_model *model = NULL;
	float embedding[5];
	fixture_write_text(directory, "open_clip_config.json", config);
	for (; *files != NULL; files += 2)
		fixture_write_text(directory, files[0], files[1]);
	assert_ok(clipcls_model_open(&model, directory, NULL, &error));
	clipcls_status status = clipcls_embed_texts(model, texts, 1, embedding, &error);
	clipcls_model_free(model);
	free(config);
	fixture_remove(directory);
	return status;
}

#define SETTINGS(id) \
	"{\"pad_token\":\"[PAD]\",\"added_tokens_decoder\":{\"" id "\":{\"content\":\"[PAD]\"}}}"

static void padding_is_a_token_of_the_tower(void **state)
{
	static const char context[] =
	    TEXT("\"no_causal_mask\":true,\"pool_type\":\"last\",\"hf_tokenizer_name\":\"bert-base\"");
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
	static const char t5[] = TEXT("\"hf_tokenizer_name\":\"t5\"");
	char *bare = edited(UNIGRAM_JSON, ",{\"SpecialToken\":{\"id\":\"</s>\"}}", "");
	const char *const ends[] = { "tokenizer.json", UNIGRAM_JSON, NULL };
	const char *const files[] = { "tokenizer.json", bare, NULL };
	(void)state;
	assert_ok(embed_nothing(t5, ends));
	assert_error(embed_nothing(t5, files), CLIPCLS_ERR_FORMAT, "a prompt has no tokens");
	free(bare);
}

/* The fixture's weights divided by 4: as they are, the blocks saturate, and what a prompt holds
 * shows only in the last bits of its embedding. */
static char *calm_checkpoint(void)
{
	char *directory = fixture_checkpoint();
	struct buffer file = fixture_weights(NULL, "");
	uint64_t header;
	memcpy(&header, file.bytes, sizeof header);
	for (size_t at = 8 + (size_t)header; at < file.size; at += sizeof(float)) {
		float value;
		memcpy(&value, file.bytes + at, sizeof value);
		value /= 4;
		memcpy(file.bytes + at, &value, sizeof value);
	}
	fixture_write(directory, "model.safetensors", file.bytes, file.size);
	buffer_free(&file);
	return directory;
}

/* out: of `count` ids, as the text tower sees them with `attention`. */
static void embed_ids(float out[5], const int32_t *ids, size_t count, enum text_attention attention)
{
	const struct prompt prompt = { ids, count, count - 1 };
	const size_t order = 0;
	char *directory = calm_checkpoint();
	struct checkpoint *checkpoint = NULL;
	struct text_tower *tower = NULL;
	struct prompt_rows rows;
	struct arena arena;
	size_t used;
	uint32_t end_of;
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	((struct model_config *)checkpoint_config(checkpoint))->text.attention = attention;
	assert_ok(text_tower_load(&tower, checkpoint, NULL, &error));
	assert_ok(prompt_sequences_build(&rows, &used, &end_of, &prompt, &order, 1, 6, &error));
	assert_ok(arena_init(&arena, text_tower_scratch(tower, rows.count, 1), &error));
	text_tower_forward(out, &rows, tower, &arena, NULL);
	arena_free(&arena);
	prompt_rows_free(&rows);
	text_tower_free(tower);
	checkpoint_free(checkpoint);
	fixture_remove(directory);
}

static void a_prompt_that_sees_itself_alone_may_be_shorter_than_the_context(void **state)
{
	static const int32_t ids[6] = { 9, 1, 2, 1, 3, 10 };
	float whole[5], context[5], some[5];
	(void)state;
	embed_ids(whole, ids, 6, TEXT_ATTENTION_PROMPT);
	embed_ids(context, ids, 6, TEXT_ATTENTION_CONTEXT);
	embed_ids(some, ids, 4, TEXT_ATTENTION_PROMPT);
	assert_memory_equal(whole, context, sizeof whole);
	double length = 0, apart = 0;
	for (size_t i = 0; i < 5; i++) {
		length += (double)some[i] * some[i];
		apart = fmax(apart, fabs((double)some[i] - whole[i]));
	}
	assert_true(apart > 1e-4);
	assert_true(length > 0.9999 && length < 1.0001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_is_a_token_of_the_tower),
		cmocka_unit_test(a_prompt_that_sees_itself_alone_may_be_shorter_than_the_context),
		cmocka_unit_test(a_prompt_without_tokens_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
