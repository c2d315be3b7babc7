/* Reading whole files and mapping files. */
#ifndef CLIPCLS_BASE_FILE_H
#define CLIPCLS_BASE_FILE_H

#include "base/error.h"

#include <stdbool.h>

/* Reads all of `path` ("-" is a file of that name, not stdin) into *bytes, with a NUL behind the
 * last byte; freed with free(). More than `limit` bytes is CLIPCLS_ERR_LIMIT. EINTR and short
 * reads are retried. Errors: CLIPCLS_ERR_IO, CLIPCLS_ERR_MEMORY; messages start with the path. */
clipcls_status file_read(char **bytes, size_t *size, const char *path, size_t limit,
                         clipcls_error *error);
/* The same with another name in messages. */
clipcls_status file_read_as(char **bytes, size_t *size, const char *path, const char *name,
                            size_t limit, clipcls_error *error);
/* The same from an open descriptor; `name` stands in messages. Does not close it. */
clipcls_status file_read_fd(char **bytes, size_t *size, int fd, const char *name, size_t limit,
                            clipcls_error *error);

/* A file mapped read-only. */
struct file_map {
	const unsigned char *bytes;
	size_t size;
};
clipcls_status file_map_open(struct file_map *map, const char *path, clipcls_error *error);
void file_map_close(struct file_map *map);

bool file_exists(const char *path);
bool file_is_directory(const char *path);

/* dir/name, allocated; NULL when memory is out. */
char *path_join(const char *directory, const char *name);

#endif
