/* Paths from a list: a file or stdin, one a line or separated by NUL. */
#ifndef CLIPCLS_CLI_INPUT_PATH_LIST_H
#define CLIPCLS_CLI_INPUT_PATH_LIST_H

#include "cli/input/reader.h"

struct path_list {
	struct reader reader;
	size_t searched; /* bytes behind reader.start that hold no separator */
	const char *name;
	char separator;
};

/* name: "-" is stdin. False, with errno set, when it cannot be opened. */
bool path_list_open(struct path_list *list, const char *name, bool nul_separated);
void path_list_close(struct path_list *list);

/* The next path, allocated, in *path; empty lines are skipped. Returns CLIPCLS_NEXT_GIVEN, _END
 * (also after a failure, which is said on stderr and sets *failed), or, without `wait`, _LATER. */
int path_list_next(struct path_list *list, char **path, bool wait, bool *failed);

#endif
