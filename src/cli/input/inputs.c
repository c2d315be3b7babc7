#include "cli/input/inputs.h"

#include "cli/read_all.h"
#include "cli/input/shard.h"
#include "cli/input/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A picture on stdin or in a pipe that is larger than this is not read. */
#define PICTURE_LIMIT ((size_t)1 << 30)

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Can be read twice. */
static bool is_regular(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* A pipe, whose bytes are gone when they are read. */
static bool is_read_once(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
}

bool inputs_single(const struct options *options)
{
	return options->files_from == NULL && options->stream == NULL && options->operands.count == 1 &&
	       !is_directory(options->operands.items[0]);
}

/* Each use of stdin would eat what the other wants. */
bool inputs_share_stdin(const struct options *options)
{
	size_t uses = 0;
	for (size_t i = 0; i < options->label_sources.count; i++)
		uses += strcmp(options->label_sources.items[i], "-") == 0;
	for (size_t i = 0; i < options->template_sources.count; i++)
		uses += strcmp(options->template_sources.items[i], "-") == 0;
	for (size_t i = 0; i < options->operands.count; i++)
		uses += strcmp(options->operands.items[i], "-") == 0;
	uses += options->files_from != NULL && strcmp(options->files_from, "-") == 0;
	uses += options->stream != NULL && strcmp(options->stream, "-") == 0;
	if (uses > 1)
		complain("stdin (-) is used %zu times; it can be read once", uses);
	return uses <= 1;
}

bool inputs_named(const struct options *options)
{
	return options->operands.count > 0 || options->files_from != NULL || options->stream != NULL;
}

/* Each machine would read another stdin, and all but one would throw it away. */
static bool shards_stdin(const struct options *options)
{
	for (size_t i = 0; options->shard.count > 0 && i < options->operands.count; i++)
		if (strcmp(options->operands.items[i], "-") == 0)
			return true;
	return false;
}

bool inputs_make_sense(const struct options *options)
{
	if (!inputs_named(options)) {
		complain("no pictures named; see 'clipcls --help'");
		return false;
	}
	if (shards_stdin(options)) {
		complain("a picture on stdin (-) cannot be shared out: --shard goes by paths");
		return false;
	}
	return inputs_share_stdin(options);
}

/* Says why not. */
static bool opened(bool done, const char *name)
{
	if (!done)
		complain("%s: cannot open: %s", name, strerror(errno));
	return done;
}

bool inputs_open(struct inputs *inputs, const struct options *options)
{
	*inputs = (struct inputs){ .options = options };
	if (options->files_from != NULL &&
	    !opened(path_list_open(&inputs->list, options->files_from, options->nul_separated),
	            options->files_from))
		return false;
	return options->stream == NULL ||
	       opened(frames_open(&inputs->frames, options->stream), options->stream);
}

void inputs_close(struct inputs *inputs)
{
	walk_free(inputs->walk);
	inputs->walk = NULL;
	path_list_close(&inputs->list);
	frames_close(&inputs->frames);
}

static bool fail(struct inputs *inputs, const char *name, const char *reason)
{
	complain("%s: %s", name, reason);
	inputs->failed = true;
	return false;
}

static bool read_stdin(struct inputs *inputs, clipcls_input *out)
{
	char *bytes = NULL;
	if (!read_all(&bytes, &out->size, stdin, PICTURE_LIMIT))
		return fail(inputs, "stdin", strerror(errno));
	out->bytes = bytes;
	return true;
}

/* A picture that is explained is decoded a second time. Where its bytes cannot be kept, its record
 * says why it cannot be read. */
static void keep_bytes(clipcls_input *input)
{
	char *bytes = NULL;
	if (read_all_of(&bytes, &input->size, input->path, PICTURE_LIMIT))
		input->bytes = bytes;
}

/* One operand or list entry: a directory opens a walk and gives nothing yet. */
static bool take(struct inputs *inputs, clipcls_input *out, char *path, bool operand)
{
	if (path == NULL)
		return fail(inputs, "inputs", "out of memory");
	*out = (clipcls_input){ .path = path };
	if (operand && strcmp(path, "-") == 0 && !inputs->counting) {
		if (read_stdin(inputs, out))
			return true;
		free(path);
		return false;
	}
	if (inputs->options->explain != NULL && !inputs->counting && is_read_once(path))
		keep_bytes(out);
	if (out->bytes == NULL && is_directory(path)) {
		inputs->walk = walk_open(path, NULL);
		if (inputs->walk != NULL) {
			free(path);
			return false;
		}
		if (errno == ENOMEM) {
			free(path);
			return fail(inputs, "inputs", "out of memory");
		}
	}
	return true; /* a directory that cannot be read fails as a file, with the reason */
}

/* The next path of the walk that is open; false when it has ended, with walk = NULL. */
static bool walk_on(struct inputs *inputs, clipcls_input *out)
{
	char *path = walk_next(&inputs->walk, !inputs->options->no_recursive, &inputs->failed);
	if (inputs->failed)
		complain("out of memory");
	*out = (clipcls_input){ .path = path };
	return path != NULL;
}

/* As inputs_next, of every shard. */
static int next_of_all(struct inputs *inputs, clipcls_input *out, bool wait)
{
	const struct options *options = inputs->options;
	while (!inputs->failed) {
		if (inputs->walk != NULL) {
			if (walk_on(inputs, out))
				return CLIPCLS_NEXT_GIVEN;
		} else if (inputs->next_operand < options->operands.count) {
			if (take(inputs, out, strdup(options->operands.items[inputs->next_operand++]), true))
				return CLIPCLS_NEXT_GIVEN;
		} else if (inputs->list.name != NULL) {
			char *path = NULL;
			int said = path_list_next(&inputs->list, &path, wait, &inputs->failed);
			if (said == CLIPCLS_NEXT_LATER)
				return said;
			if (said == CLIPCLS_NEXT_END)
				path_list_close(&inputs->list);
			else if (take(inputs, out, path, false))
				return said;
		} else {
			return inputs->frames.name == NULL
			           ? CLIPCLS_NEXT_END
			           : frames_next(&inputs->frames, out, wait, &inputs->failed);
		}
	}
	return CLIPCLS_NEXT_END;
}

int inputs_next(struct inputs *inputs, clipcls_input *out, bool wait)
{
	const struct shard *shard = &inputs->options->shard;
	int said;
	while ((said = next_of_all(inputs, out, wait)) == CLIPCLS_NEXT_GIVEN && shard->count > 0 &&
	       !shard_has(shard, out->path))
		inputs_release(out);
	return said;
}

size_t inputs_count(const struct options *options)
{
	struct inputs inputs;
	clipcls_input input;
	size_t count = 0;
	bool from_pipe = options->files_from != NULL && !is_regular(options->files_from);
	if (from_pipe || options->stream != NULL || !inputs_open(&inputs, options))
		return 0;
	inputs.counting = true;
	while (inputs_next(&inputs, &input, true) == CLIPCLS_NEXT_GIVEN) {
		inputs_release(&input);
		count++;
	}
	inputs_close(&inputs);
	return inputs.failed ? 0 : count;
}

void inputs_release(const clipcls_input *input)
{
	free((void *)(uintptr_t)input->path);
	free((void *)(uintptr_t)input->bytes);
}
