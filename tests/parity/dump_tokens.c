/* dump_tokens huggingface|openclip CONTEXT_LENGTH [DIRECTORY]
 *
 * Reads NUL-separated texts on stdin and prints the ids of each as one line. DIRECTORY holds
 * vocab.json and merges.txt, or tokenizer.json; without it the built-in vocabulary is used. */
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

int main(int argc, char **argv)
{
	clipcls_error error;
	struct tokenizer *tokenizer = NULL;
	struct tokenizer_files files = { 0 };
	struct tokenizer_config config = { .cleaning = TEXT_CLEANING_HUGGINGFACE };
	if (argc != 3 && argc != 4) {
		fputs("usage: dump_tokens huggingface|openclip CONTEXT_LENGTH [DIRECTORY]\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "openclip") == 0)
		config.cleaning = TEXT_CLEANING_OPENCLIP;
	if (argc == 4) {
		files.path = argv[3];
		files.vocab = read_optional(argv[3], "vocab.json", &files.vocab_size);
		files.merges = read_optional(argv[3], "merges.txt", &files.merges_size);
		if (files.vocab == NULL)
			files.tokenizer_json =
			    read_optional(argv[3], "tokenizer.json", &files.tokenizer_json_size);
		if (files.vocab == NULL && files.tokenizer_json == NULL) {
			fprintf(stderr, "dump_tokens: %s: no tokenizer files\n", argv[3]);
			return 2;
		}
	}
	if (tokenizer_new(&tokenizer, &files, &config, 49408, &error) != CLIPCLS_OK)
		return fail(&error);
	int code = print_all(tokenizer, strtoul(argv[2], NULL, 10));
	tokenizer_free(tokenizer);
	free((char *)files.vocab);
	free((char *)files.merges);
	free((char *)files.tokenizer_json);
	return code;
}
