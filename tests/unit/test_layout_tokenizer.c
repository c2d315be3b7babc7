/* Which of a directory's files a tokenizer is read from, by its kind. */
#include "test_model.h"

#include "model/layout.h"

static clipcls_error error;

static const char *const names[] = { "vocab.json",   "merges.txt",      "tokenizer.json",
	                                 "spiece.model", "tokenizer.model", "sentencepiece.bpe.model",
	                                 "vocab.txt" };

/* A directory with those of `names` whose bits are set, each with its name as content. */
static void make_directory(char *directory, unsigned files)
{
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if ((files >> i & 1) == 0)
			continue;
		char *path = path_join(directory, names[i]);
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(names[i], file);
		assert_int_equal(fclose(file), 0);
		free(path);
	}
}

static void remove_directory(const char *directory)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = path_join(directory, names[i]);
		unlink(path);
		free(path);
	}
	assert_int_equal(rmdir(directory), 0);
}

static bool is(const char *bytes, size_t size, const char *expected)
{
	if (expected == NULL)
		return bytes == NULL;
	return bytes != NULL && size == strlen(expected) && memcmp(bytes, expected, size) == 0;
}

/* `expected` is the one file that is read, which messages name. */
static void expect_file(unsigned files, enum tokenizer_kind kind, enum text_cleaning cleaning,
                        const char *expected)
{
	char directory[] = "/tmp/clipcls-layout-XXXXXX";
	struct checkpoint checkpoint = { .path = directory };
	const struct tokenizer_files *read = &checkpoint.tokenizer;
	make_directory(directory, files);
	checkpoint.config.tokenizer = (struct tokenizer_config){ kind, cleaning, false };
	assert_ok(layout_read_tokenizer(&checkpoint, &error));
	const char *name = expected != NULL ? expected : "";
	const char *spiece = strstr(name, ".model") != NULL ? name : NULL;
	assert_true(is(read->spiece, read->spiece_size, spiece));
	assert_true(is(read->tokenizer_json, read->tokenizer_json_size,
	               strcmp(name, "tokenizer.json") == 0 ? name : NULL));
	assert_true(
	    is(read->vocab_txt, read->vocab_txt_size, strcmp(name, "vocab.txt") == 0 ? name : NULL));
	assert_true(is(read->vocab, read->vocab_size, strcmp(name, "vocab.json") == 0 ? name : NULL));
	if (expected == NULL)
		assert_string_equal(read->path, directory);
	else
		assert_string_equal(strrchr(read->path, '/') + 1, expected);
	for (size_t i = 0; i < sizeof checkpoint.owned / sizeof *checkpoint.owned; i++)
		free(checkpoint.owned[i]);
	remove_directory(directory);
}

enum {
	VOCAB = 1,
	MERGES = 2,
	JSON = 4,
	SPIECE = 8,
	MODEL = 16,
	BPE_MODEL = 32,
	TXT = 64,
	ALL = 127
};

static void clip_takes_its_own_files_alone(void **state)
{
	(void)state;
	expect_file(ALL, TOKENIZER_CLIP, TEXT_CLEANING_HUGGINGFACE, "vocab.json");
	expect_file(ALL - MERGES, TOKENIZER_CLIP, TEXT_CLEANING_OPENCLIP, "tokenizer.json");
	expect_file(SPIECE + TXT, TOKENIZER_CLIP, TEXT_CLEANING_HUGGINGFACE, NULL);
}

static void siglip_takes_a_sentencepiece_model_alone(void **state)
{
	(void)state;
	expect_file(ALL, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_SIGLIP, "spiece.model");
	expect_file(JSON + MODEL + BPE_MODEL, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_SIGLIP,
	            "tokenizer.model");
	expect_file(VOCAB + MERGES + JSON + TXT, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_SIGLIP, NULL);
}

static void other_kinds_take_tokenizer_json_first(void **state)
{
	(void)state;
	expect_file(ALL, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE, "tokenizer.json");
	expect_file(BPE_MODEL + TXT, TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_LOWER,
	            "sentencepiece.bpe.model");
	expect_file(ALL, TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE, "tokenizer.json");
	expect_file(ALL - JSON, TOKENIZER_WORDPIECE, TEXT_CLEANING_OPENCLIP_WHITESPACE, "vocab.txt");
	expect_file(SPIECE, TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE, NULL);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	char directory[] = "/tmp/clipcls-layout-XXXXXX";
	struct checkpoint checkpoint = { .path = directory };
	(void)state;
	make_directory(directory, SPIECE);
	checkpoint.config.tokenizer =
	    (struct tokenizer_config){ TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_SIGLIP, false };
	char *path = path_join(directory, "spiece.model");
	assert_int_equal(truncate(path, (off_t)LAYOUT_TOKENIZER_LIMIT + 1), 0);
	clipcls_status status = layout_read_tokenizer(&checkpoint, &error);
	assert_int_not_equal(status, CLIPCLS_OK);
	assert_non_null(strstr(error.message, path));
	free(path);
	for (size_t i = 0; i < sizeof checkpoint.owned / sizeof *checkpoint.owned; i++)
		free(checkpoint.owned[i]);
	remove_directory(directory);
}

/* Writes a single file whose tokenizer is these bytes, and appends its identity. */
static void write_single(const char *directory, const char *path, const char *spiece,
                         const char *vocab_txt, struct buffer *identity)
{
	struct checkpoint *checkpoint = NULL;
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	checkpoint->tokenizer.spiece = spiece;
	checkpoint->tokenizer.spiece_size = strlen(spiece);
	checkpoint->tokenizer.vocab_txt = vocab_txt;
	checkpoint->tokenizer.vocab_txt_size = strlen(vocab_txt);
	checkpoint_identity(identity, checkpoint);
	assert_ok(checkpoint_write(checkpoint, path, NULL, &error));
	checkpoint_free(checkpoint);
}

static void the_files_ride_along_in_a_single_file(void **state)
{
	char *directory = fixture_checkpoint();
	char *path = path_join(directory, "out.safetensors");
	struct checkpoint *checkpoint = NULL;
	struct buffer identities[3] = { { 0 } };
	(void)state;
	write_single(directory, path, "pieces", "tokens", &identities[0]);
	assert_ok(checkpoint_open(&checkpoint, path, NULL, &error));
	const struct tokenizer_files *files = checkpoint_tokenizer_files(checkpoint);
	assert_true(is(files->spiece, files->spiece_size, "pieces"));
	assert_true(is(files->vocab_txt, files->vocab_txt_size, "tokens"));
	assert_null(files->tokenizer_json);
	checkpoint_free(checkpoint);
	/* What a file holds is a part of the identity, and so is which one it is. */
	write_single(directory, path, "piecez", "tokens", &identities[1]);
	write_single(directory, path, "pieces", "tokenz", &identities[2]);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(identities[0].size, identities[i].size);
		assert_memory_not_equal(identities[0].bytes, identities[i].bytes, identities[0].size);
	}
	for (size_t i = 0; i < 3; i++)
		buffer_free(&identities[i]);
	free(path);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clip_takes_its_own_files_alone),
		cmocka_unit_test(siglip_takes_a_sentencepiece_model_alone),
		cmocka_unit_test(other_kinds_take_tokenizer_json_first),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(the_files_ride_along_in_a_single_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
