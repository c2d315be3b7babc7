/* A file that appears under its name only when all of it is written. */
#ifndef CLIPCLS_BASE_OUTPUT_FILE_H
#define CLIPCLS_BASE_OUTPUT_FILE_H

#include "base/error.h"

#include <sys/types.h>

struct output_file {
	char *path, *temporary; /* in the same directory */
	int fd;
};

/* mode: who may read and write it, but for the user's mask; a file that is replaced keeps its own.
 * Errors: CLIPCLS_ERR_IO (a full disk, something at `path` that is no regular file), _MEMORY;
 * messages start with the path. */
clipcls_status output_file_open(struct output_file *file, const char *path, mode_t mode,
                                clipcls_error *error);
/* Writes all n bytes at an offset. */
clipcls_status output_file_write(struct output_file *file, uint64_t offset, const void *bytes,
                                 size_t n, clipcls_error *error);
/* Flushes to the disk and takes the name, replacing what is there. */
clipcls_status output_file_commit(struct output_file *file, clipcls_error *error);
/* Ends it; without a commit nothing is left behind. */
void output_file_close(struct output_file *file);

#endif
