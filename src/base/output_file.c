#include "base/output_file.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the file that is replaced, else what the user's mask leaves of `mode`. */
static mode_t mode_of(const char *path, mode_t mode)
{
	struct stat st;
	if (stat(path, &st) == 0)
		return st.st_mode & 0777;
	mode_t mask = umask(0);
	umask(mask);
	return mode & ~mask;
}

/* A device, a pipe or a directory is not to be replaced by a file. */
static bool is_replaceable(const char *path)
{
	struct stat st;
	return stat(path, &st) != 0 || S_ISREG(st.st_mode);
}

clipcls_status output_file_open(struct output_file *file, const char *path, mode_t mode,
                                clipcls_error *error)
{
	struct buffer name = { 0 };
	buffer_text(&name, path);
	buffer_text(&name, ".XXXXXX");
	*file = (struct output_file){ memory_string(path, strlen(path)), name.bytes, -1 };
	if (file->path == NULL || name.failed)
		return error_memory(error);
	if (!is_replaceable(path))
		return error_set(error, CLIPCLS_ERR_IO, "%s: is there, and is no regular file", path);
	file->fd = mkstemp(file->temporary);
	if (file->fd < 0)
		return file_error(error, file->path, "create");
	if (fchmod(file->fd, mode_of(path, mode)) != 0)
		return file_error(error, file->path, "create");
	return CLIPCLS_OK;
}

/* Beyond the process's limit a write is not an error: it is a signal, whose default is the end. */
static bool within_limit(uint64_t offset, size_t n)
{
	struct rlimit limit;
	uint64_t end;
	return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
	       (!__builtin_add_overflow(offset, n, &end) && end <= limit.rlim_cur);
}

clipcls_status output_file_write(struct output_file *file, uint64_t offset, const void *bytes,
                                 size_t n, clipcls_error *error)
{
	const char *next = bytes;
	if (!within_limit(offset, n)) {
		errno = EFBIG;
		return file_error(error, file->path, "write");
	}
	while (n > 0) {
		ssize_t written = pwrite(file->fd, next, n, (off_t)offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return file_error(error, file->path, "write");
		next += written;
		offset += (uint64_t)written;
		n -= (size_t)written;
	}
	return CLIPCLS_OK;
}

/* So that the new name outlives a power cut. A file system that cannot do it has no such promise
 * to break. */
static void sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
	char *directory = slash == NULL ? memory_string(".", 1) : memory_string(path, length);
	int fd = directory != NULL ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(directory);
}

static bool sync_file(int fd)
{
	int synced;
	do
		synced = fsync(fd);
	while (synced != 0 && errno == EINTR);
	return synced == 0;
}

clipcls_status output_file_commit(struct output_file *file, clipcls_error *error)
{
	if (!sync_file(file->fd))
		return file_error(error, file->path, "write");
	int fd = file->fd;
	file->fd = -1;
	/* Linux closes it even where a signal interrupts that, and its bytes are on the disk. */
	bool closed = close(fd) == 0 || errno == EINTR;
	if (!closed || rename(file->temporary, file->path) != 0) {
		clipcls_status status = file_error(error, file->path, "write");
		unlink(file->temporary);
		return status;
	}
	sync_directory(file->path);
	return CLIPCLS_OK;
}

void output_file_close(struct output_file *file)
{
	if (file->fd >= 0) {
		close(file->fd);
		unlink(file->temporary);
	}
	free(file->path);
	free(file->temporary);
	*file = (struct output_file){ .fd = -1 };
}
