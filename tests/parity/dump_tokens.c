/* dump_tokens CLEANING CONTEXT_LENGTH [DIRECTORY [sentencepiece|wordpiece]]
 *
 * Reads NUL-separated texts on stdin and prints the ids of each as one line. DIRECTORY holds
 * vocab.json and merges.txt, or tokenizer.json; without it the built-in vocabulary is used. With a
 * kind DIRECTORY holds tokenizer.json, spiece.model or vocab.txt. CLEANING is one of the names
 * below; with "+strip_sep" behind it the end token becomes 0. */
#include "base/file.h"
#include "text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_LIMIT ((size_t)1 << 30)

static int fail(const clipcls_error *error)
{
	fprintf(stderr, "dump_tokens: %s\n", error->message);
	return 2;
}

/* Reads a file of the directory if it is there; the strings live as long as the program. */
static const char *read_optional(const char *directory, const char *name, size_t *size)
{
	clipcls_error error;
	char *bytes = NULL, *path = path_join(directory, name);
	if (path != NULL && file_exists(path) &&
	    file_read(&bytes, size, path, FILE_LIMIT, &error) != CLIPCLS_OK)
		exit(fail(&error));
	free(path);
	return bytes;
}

static int print_all(const struct tokenizer *tokenizer, size_t context_length)
{
	clipcls_error error;
	char *texts = NULL;
	size_t size, count;
	int32_t *ids = calloc(context_length, sizeof *ids);
	if (ids == NULL)
		return 2;
	if (file_read_fd(&texts, &size, STDIN_FILENO, "stdin", FILE_LIMIT, &error) != CLIPCLS_OK)
		return fail(&error);
	for (size_t i = 0; i < size;) {
		size_t n = strlen(texts + i);
		if (tokenizer_encode(tokenizer, ids, &count, texts + i, n, context_length, &error) !=
		    CLIPCLS_OK)
			return fail(&error);
		for (size_t k = 0; k < count; k++)
			printf(k == 0 ? "%d" : " %d", (int)ids[k]);
		putchar('\n');
		i += n + 1;
	}
	free(texts);
	free(ids);
	return 0;
}

static const char *const cleanings[] = { "huggingface",    "openclip",
	                                     "none",           "lower",
	                                     "siglip",         "openclip_whitespace",
	                                     "openclip_lower", "openclip_canonicalize" };

/* False when there is no such cleaning. */
static bool parse_cleaning(struct tokenizer_config *config, const char *name)
{
	const char *plus = strchr(name, '+');
	size_t n = plus != NULL ? (size_t)(plus - name) : strlen(name);
	config->strip_sep_token = plus != NULL;
	for (size_t i = 0; i < sizeof cleanings / sizeof *cleanings; i++) {
		if (strlen(cleanings[i]) == n && memcmp(cleanings[i], name, n) == 0) {
			config->cleaning = (enum text_cleaning)i;
			return true;
		}
	}
	return false;
}

static void read_files(struct tokenizer_files *files, const struct tokenizer_config *config,
                       const char *directory)
{
	files->path = directory;
	if (config->cleaning == TEXT_CLEANING_SIGLIP) {
		files->spiece = read_optional(directory, "spiece.model", &files->spiece_size);
		return;
	}
	if (config->kind == TOKENIZER_CLIP) {
		files->vocab = read_optional(directory, "vocab.json", &files->vocab_size);
		files->merges = read_optional(directory, "merges.txt", &files->merges_size);
	}
	if (files->vocab == NULL)
		files->tokenizer_json =
		    read_optional(directory, "tokenizer.json", &files->tokenizer_json_size);
	if (config->kind == TOKENIZER_WORDPIECE && files->tokenizer_json == NULL)
		files->vocab_txt = read_optional(directory, "vocab.txt", &files->vocab_txt_size);
}

int main(int argc, char **argv)
{
	clipcls_error error;
	struct tokenizer *tokenizer = NULL;
	struct tokenizer_files files = { 0 };
	struct tokenizer_config config = { .cleaning = TEXT_CLEANING_HUGGINGFACE };
	if (argc < 3 || argc > 5 || !parse_cleaning(&config, argv[1])) {
		fputs("usage: dump_tokens CLEANING CONTEXT_LENGTH [DIRECTORY [KIND]]\n", stderr);
		return 2;
	}
	if (argc == 5)
		config.kind =
		    strcmp(argv[4], "wordpiece") == 0 ? TOKENIZER_WORDPIECE : TOKENIZER_SENTENCEPIECE;
	if (argc >= 4) {
		read_files(&files, &config, argv[3]);
		if (files.vocab == NULL && files.tokenizer_json == NULL && files.spiece == NULL &&
		    files.vocab_txt == NULL) {
			fprintf(stderr, "dump_tokens: %s: no tokenizer files\n", argv[3]);
			return 2;
		}
	}
	size_t vocab_size = argc == 5 ? 2000000 : 49408;
	if (tokenizer_new(&tokenizer, &files, &config, vocab_size, &error) != CLIPCLS_OK)
		return fail(&error);
	int code = print_all(tokenizer, strtoul(argv[2], NULL, 10));
	tokenizer_free(tokenizer);
	free((char *)files.vocab);
	free((char *)files.merges);
	free((char *)files.tokenizer_json);
	free((char *)files.spiece);
	free((char *)files.vocab_txt);
	return code;
}
