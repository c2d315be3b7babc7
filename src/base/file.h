/* Reading whole files, and what is where. */
#ifndef CLIPCLS_BASE_FILE_H
#define CLIPCLS_BASE_FILE_H

#include "base/buffer.h"
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
/* Opens a file for reading; `name` stands in messages; more: O_NONBLOCK and the like, or 0. *fd is
 * -1 on error: CLIPCLS_ERR_IO. */
clipcls_status file_open(int *fd, const char *path, const char *name, int more,
                         clipcls_error *error);
/* The same from an open descriptor; `name` stands in messages. Does not close it. */
clipcls_status file_read_fd(char **bytes, size_t *size, int fd, const char *name, size_t limit,
                            clipcls_error *error);

/* CLIPCLS_ERR_IO, or CLIPCLS_ERR_MEMORY where errno says so: "path: cannot read: Permission
 * denied".
 */
clipcls_status file_error(clipcls_error *error, const char *path, const char *doing);

/* True also when that cannot be told: opening the file says why, and none is taken to be missing.
 */
bool file_exists(const char *path);
bool file_is_directory(const char *path);

/* Makes a directory that is not there, its parents too, for the owner alone. CLIPCLS_ERR_IO or
 * _MEMORY; the message starts with the path. */
clipcls_status directory_make(const char *path, clipcls_error *error);

/* Appends the directory that an environment variable names, or the fallback under the home
 * directory; the XDG specification ignores relative ones. False when there is neither. */
bool user_directory(struct buffer *out, const char *variable, const char *under_home);

/* dir/name, allocated; NULL when memory is out. */
char *path_join(const char *directory, const char *name);

#endif
