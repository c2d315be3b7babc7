/* vocab.json + merges.txt, and which of the readers a checkpoint's files call for. */
#include "base/checked.h"
#include "text/json_walk.h"
#include "text/vocabulary_build.h"

#include <string.h>

/* A token takes at least this much of a file: "a":1, */
#define BYTES_PER_TOKEN 16

clipcls_status vocabulary_read_merges(struct vocabulary *vocabulary, const char *text, size_t n,
                                      clipcls_error *error)
{
	static const char version[] = "#version";
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; i < n && status == CLIPCLS_OK;) {
		const char *line = text + i;
		const char *end = memchr(line, '\n', n - i);
		size_t length = end != NULL ? (size_t)(end - line) : n - i;
		i += length + 1;
		if (length > 0 && line[length - 1] == '\r')
			length--;
		if (length == 0 ||
		    (length >= sizeof version - 1 && memcmp(line, version, sizeof version - 1) == 0))
			continue;
		const char *space = memchr(line, ' ', length);
		size_t left = space != NULL ? (size_t)(space - line) : length;
		size_t right = space != NULL ? length - left - 1 : 0;
		status = vocabulary_add_merge(vocabulary, line, left, line + length - right, right, error);
	}
	return status;
}

clipcls_status vocabulary_read_vocab_json(struct vocabulary **out,
                                          const struct tokenizer_files *files, size_t vocab_size,
                                          clipcls_error *error)
{
	if (files->merges == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: there is no merges.txt beside it",
		                 files->path);
	clipcls_status status = vocabulary_new(out, files->vocab_size / BYTES_PER_TOKEN,
	                                       files->vocab_size, vocab_size, files->path, error);
	if (status != CLIPCLS_OK)
		return status;
	struct json_walk walk = { .start = files->vocab,
		                      .at = files->vocab,
		                      .end = files->vocab + files->vocab_size,
		                      .name = files->path,
		                      .error = error };
	status = vocabulary_read_members(*out, &walk, error);
	if (status == CLIPCLS_OK) {
		json_walk_end(&walk);
		status = walk.status;
	}
	if (status == CLIPCLS_OK)
		status = vocabulary_read_merges(*out, files->merges, files->merges_size, error);
	return status;
}

clipcls_status vocabulary_load(struct vocabulary **out, const struct tokenizer_files *files,
                               size_t vocab_size, clipcls_error *error)
{
	clipcls_status status;
	*out = NULL;
	if (files != NULL && files->vocab != NULL)
		status = vocabulary_read_vocab_json(out, files, vocab_size, error);
	else if (files != NULL && files->tokenizer_json != NULL)
		status = vocabulary_read_tokenizer_json(out, files, vocab_size, error);
	else if (files != NULL && files->merges != NULL)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: there is no vocab.json beside it",
		                   files->path);
	else
		status = vocabulary_read_builtin(out, vocab_size, error);
	if (status == CLIPCLS_OK)
		status = vocabulary_finish(*out, error);
	if (status != CLIPCLS_OK) {
		vocabulary_free(*out);
		*out = NULL;
	}
	return status;
}
