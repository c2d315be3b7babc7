#include "cli/inputs.h"

#include "cli/read_all.h"
#include "cli/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A picture on stdin larger than this is not read. */
#define STDIN_LIMIT ((size_t)1 << 30)

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool inputs_single(const struct options *options)
{
	return options->files_from == NULL && options->operands.count == 1 &&
	       !is_directory(options->operands.items[0]);
}

bool inputs_open(struct inputs *inputs, const struct options *options)
{
	*inputs = (struct inputs){ .options = options };
	if (options->files_from == NULL)
		return true;
	bool from_stdin = strcmp(options->files_from, "-") == 0;
	inputs->list = from_stdin ? stdin : fopen(options->files_from, "re");
	if (inputs->list == NULL)
		complain("%s: cannot open: %s", options->files_from, strerror(errno));
	return inputs->list != NULL;
}

void inputs_close(struct inputs *inputs)
{
	walk_free(inputs->walk);
	inputs->walk = NULL;
	if (inputs->list != NULL && inputs->list != stdin)
		fclose(inputs->list);
	inputs->list = NULL;
}

static bool fail(struct inputs *inputs, const char *name, const char *reason)
{
	complain("%s: %s", name, reason);
	inputs->failed = true;
	return false;
}

/* The next path of the list, allocated; NULL at its end. Empty lines are skipped. */
static char *list_next(struct inputs *inputs)
{
	char *line = NULL;
	size_t capacity = 0;
	int separator = inputs->options->nul_separated ? '\0' : '\n';
	for (;;) {
		errno = 0;
		ssize_t n = getdelim(&line, &capacity, separator, inputs->list);
		if (n < 0) {
			if (!feof(inputs->list))
				fail(inputs, inputs->options->files_from, strerror(errno));
			free(line);
			return NULL;
		}
		if (n > 0 && line[n - 1] == separator)
			line[--n] = '\0';
		if (n == 0)
			continue;
		if (strlen(line) == (size_t)n)
			return line;
		/* A NUL cannot be part of a path: most likely -0 was forgotten. */
		fail(inputs, inputs->options->files_from, "holds a NUL byte; NUL-separated lists need -0");
		free(line);
		return NULL;
	}
}

static bool read_stdin(struct inputs *inputs, clipcls_input *out)
{
	char *bytes = NULL;
	if (!read_all(&bytes, &out->size, stdin, STDIN_LIMIT))
		return fail(inputs, "stdin", strerror(errno));
	out->bytes = bytes;
	return true;
}

/* One operand or list entry: a directory opens a walk and gives nothing yet. */
static bool take(struct inputs *inputs, clipcls_input *out, char *path, bool operand)
{
	if (path == NULL)
		return fail(inputs, "inputs", "out of memory");
	*out = (clipcls_input){ .path = path };
	if (operand && strcmp(path, "-") == 0) {
		if (read_stdin(inputs, out))
			return true;
		free(path);
		return false;
	}
	if (is_directory(path)) {
		inputs->walk = walk_open(path, NULL);
		if (inputs->walk != NULL) {
			free(path);
			return false;
		}
	}
	return true; /* a directory that cannot be read fails as a file, with the reason */
}

bool inputs_next(struct inputs *inputs, clipcls_input *out)
{
	const struct options *options = inputs->options;
	while (!inputs->failed) {
		char *path = NULL;
		if (inputs->walk != NULL) {
			path = walk_next(&inputs->walk, !options->no_recursive, &inputs->failed);
			*out = (clipcls_input){ .path = path };
			if (path != NULL)
				return true;
			if (inputs->failed)
				complain("out of memory");
			continue;
		}
		if (inputs->next_operand < options->operands.count) {
			if (take(inputs, out, strdup(options->operands.items[inputs->next_operand++]), true))
				return true;
			continue;
		}
		if (inputs->list == NULL || (path = list_next(inputs)) == NULL)
			return false;
		if (take(inputs, out, path, false))
			return true;
	}
	return false;
}

void inputs_release(const clipcls_input *input)
{
	free((void *)(uintptr_t)input->path);
	free((void *)(uintptr_t)input->bytes);
}
