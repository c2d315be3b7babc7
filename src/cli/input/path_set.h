/* Paths that were met. */
#ifndef CLIPCLS_CLI_INPUT_PATH_SET_H
#define CLIPCLS_CLI_INPUT_PATH_SET_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise. */
struct path_set {
	void *tree; /* of tsearch */
	size_t count;
};

/* Adds the n bytes at `path`, unless they are there. False after a message when memory is out. */
bool path_set_add(struct path_set *set, const char *path, size_t n);
bool path_set_has(const struct path_set *set, const char *path);
void path_set_free(struct path_set *set);

#endif
