#include "base/file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

clipcls_status file_error(clipcls_error *error, const char *path, const char *doing)
{
	return error_set(error, errno == ENOMEM ? CLIPCLS_ERR_MEMORY : CLIPCLS_ERR_IO,
	                 "%s: cannot %s: %s", path, doing, strerror(errno));
}

clipcls_status file_read_fd(char **bytes, size_t *size, int fd, const char *name, size_t limit,
                            clipcls_error *error)
{
	struct stat st;
	char *data = NULL;
	size_t used = 0, capacity = 65536;
	*bytes = NULL;
	*size = 0;
	/* One byte more than the file has: the read that finds the end needs no second allocation. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	    (uintmax_t)st.st_size < SIZE_MAX / 2) {
		if ((size_t)st.st_size > limit)
			goto too_large;
		capacity = (size_t)st.st_size + 2;
	}
	for (;;) {
		size_t wanted = used + 2 > capacity ? used + 2 : capacity;
		size_t have = data != NULL ? capacity : 0;
		char *grown = memory_grow(data, &have, wanted, 1);
		if (grown == NULL) {
			free(data);
			return error_memory(error);
		}
		data = grown;
		capacity = have;
		ssize_t n = read(fd, data + used, capacity - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			free(data);
			return file_error(error, name, "read");
		}
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > limit)
			goto too_large;
	}
	data[used] = '\0';
	*bytes = data;
	*size = used;
	return CLIPCLS_OK;
too_large:
	free(data);
	return error_set(error, CLIPCLS_ERR_LIMIT, "%s: larger than the limit of %zu bytes", name,
	                 limit);
}

clipcls_status file_open(int *fd, const char *path, const char *name, int more,
                         clipcls_error *error)
{
	do
		*fd = open(path, O_RDONLY | O_CLOEXEC | more);
	while (*fd < 0 && errno == EINTR);
	return *fd >= 0 ? CLIPCLS_OK : file_error(error, name, "open");
}

clipcls_status file_read_as(char **bytes, size_t *size, const char *path, const char *name,
                            size_t limit, clipcls_error *error)
{
	int fd;
	*bytes = NULL;
	*size = 0;
	clipcls_status status = file_open(&fd, path, name, 0, error);
	if (status != CLIPCLS_OK)
		return status;
	status = file_read_fd(bytes, size, fd, name, limit, error);
	close(fd);
	return status;
}

clipcls_status file_read(char **bytes, size_t *size, const char *path, size_t limit,
                         clipcls_error *error)
{
	return file_read_as(bytes, size, path, path, limit, error);
}

bool file_exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool file_is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

clipcls_status directory_make(const char *path, clipcls_error *error)
{
	char *made = memory_string(path, strlen(path));
	if (made == NULL)
		return error_memory(error);
	clipcls_status status = CLIPCLS_OK;
	for (char *end = made; *end != '\0' && status == CLIPCLS_OK;) {
		end += strspn(end, "/");
		end += strcspn(end, "/");
		char next = *end;
		*end = '\0';
		/* Whoever made it in the meantime has done our work. */
		if (!file_is_directory(made) && mkdir(made, 0700) != 0 && errno != EEXIST)
			status = file_error(error, path, "create the directory");
		*end = next;
	}
	free(made);
	return status;
}

bool user_directory(struct buffer *out, const char *variable, const char *under_home)
{
	const char *value = getenv(variable), *home = getenv("HOME");
	if (value != NULL && value[0] == '/') {
		buffer_text(out, value);
	} else if (home != NULL && home[0] == '/') {
		buffer_text(out, home);
		buffer_text(out, under_home);
	} else {
		return false;
	}
	return true;
}

char *path_join(const char *directory, const char *name)
{
	struct buffer path = { 0 };
	buffer_text(&path, directory);
	if (path.size > 0 && path.bytes[path.size - 1] != '/')
		buffer_byte(&path, '/');
	buffer_text(&path, name);
	if (path.failed)
		buffer_free(&path);
	return path.bytes;
}
