/* A directory's pictures, depth first in byte order of the names. */
#ifndef CLIPCLS_CLI_INPUT_WALK_H
#define CLIPCLS_CLI_INPUT_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct walk;
struct dirent;

/* A directory's visible entries in byte order of their names, as scandir gives them: how many, each
 * of them and the array allocated, or -1 with errno set. */
int walk_list(const char *path, struct dirent ***entries);

/* Opens a directory inside `parent` (NULL = none). NULL when it cannot be read: errno says why. */
struct walk *walk_open(const char *path, struct walk *parent);
/* The next picture's path, allocated, or NULL at the end of all; *walk becomes the directory that
 * is open then. Hidden entries are skipped; links are followed to files, not to directories;
 * `recursive` goes further down. A directory that cannot be read is given as a path itself: reading
 * it fails with the reason. *failed is set when memory is out. */
char *walk_next(struct walk **walk, bool recursive, bool *failed);
void walk_free(struct walk *walk);

/* Whether a name ends like a picture's. */
bool walk_is_picture(const char *name);

#endif
