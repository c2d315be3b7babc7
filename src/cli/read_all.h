/* Reading a stream whole: labels, templates, a picture on stdin. */
#ifndef CLIPCLS_CLI_READ_ALL_H
#define CLIPCLS_CLI_READ_ALL_H

#include <stdbool.h>
#include <stdio.h>

/* All of `file` into *bytes (allocated, NULL on failure). False, with errno set, when reading
 * fails, memory is out, or there are more than `limit` bytes (EFBIG). */
bool read_all(char **bytes, size_t *size, FILE *file, size_t limit);
/* The same of the file at a path, or of stdin for "-". */
bool read_all_of(char **bytes, size_t *size, const char *path, size_t limit);

#endif
