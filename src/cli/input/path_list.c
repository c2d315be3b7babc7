#include "cli/input/path_list.h"

#include "cli/cli.h"

#include <errno.h>
#include <string.h>

bool path_list_open(struct path_list *list, const char *name, bool nul_separated)
{
	*list = (struct path_list){ .name = strcmp(name, "-") == 0 ? "stdin" : name,
		                        .separator = nul_separated ? '\0' : '\n' };
	return reader_open(&list->reader, name);
}

void path_list_close(struct path_list *list)
{
	reader_close(&list->reader);
	list->name = NULL;
}

static int fail(const struct path_list *list, const char *reason, bool *failed)
{
	complain("%s: %s", list->name, reason);
	*failed = true;
	return CLIPCLS_NEXT_END;
}

/* The first n bytes held, as a path. */
static int take_path(struct path_list *list, size_t n, size_t separator, char **path, bool *failed)
{
	const char *text = list->reader.bytes + list->reader.start;
	/* A NUL cannot be part of a path: most likely -0 was forgotten. */
	if (memchr(text, '\0', n) != NULL)
		return fail(list, "holds a NUL byte; NUL-separated lists need -0", failed);
	*path = strndup(text, n);
	if (*path == NULL)
		return fail(list, "out of memory", failed);
	reader_take(&list->reader, n + separator);
	list->searched = 0;
	return CLIPCLS_NEXT_GIVEN;
}

int path_list_next(struct path_list *list, char **path, bool wait, bool *failed)
{
	struct reader *reader = &list->reader;
	for (;;) {
		size_t held = reader->end - reader->start;
		const char *text = held > 0 ? reader->bytes + reader->start : NULL, *end = NULL;
		if (held > list->searched)
			end = memchr(text + list->searched, list->separator, held - list->searched);
		if (end != NULL && end == text) { /* an empty line */
			reader_take(reader, 1);
			list->searched = 0;
			continue;
		}
		if (end != NULL)
			return take_path(list, (size_t)(end - text), 1, path, failed);
		list->searched = held;
		switch (reader_read(reader, wait)) {
		case READER_MORE: break;
		case READER_LATER: return CLIPCLS_NEXT_LATER;
		case READER_END:
			return held > 0 ? take_path(list, held, 0, path, failed) : CLIPCLS_NEXT_END;
		case READER_FAILED: return fail(list, strerror(errno), failed);
		}
	}
}
