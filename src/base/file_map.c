#include "base/file_map.h"

#include "base/file.h"
#include "base/map_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t nanoseconds(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct file_identity identity_of(const struct stat *st)
{
	return (struct file_identity){ .device = (uint64_t)st->st_dev,
		                           .inode = (uint64_t)st->st_ino,
		                           .size = (uint64_t)st->st_size,
		                           .modified_ns = nanoseconds(st->st_mtim),
		                           .changed_ns = nanoseconds(st->st_ctim) };
}

bool file_identify(struct file_identity *out, const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return false;
	*out = identity_of(&st);
	return true;
}

clipcls_status file_map_open(struct file_map *map, const char *path, clipcls_error *error)
{
	struct stat st;
	*map = (struct file_map){ 0 };
	/* What is no file must not hold us up: opening a pipe waits for its other end. */
	int fd;
	clipcls_status status = file_open(&fd, path, path, O_NONBLOCK, error);
	if (status != CLIPCLS_OK)
		return status;
	if (fstat(fd, &st) != 0) {
		status = file_error(error, path, "stat");
	} else if (!S_ISREG(st.st_mode)) {
		status = error_set(error, CLIPCLS_ERR_IO, "%s: not a regular file", path);
	} else if (st.st_size == 0) {
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: file is empty", path);
	} else {
		void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			status = file_error(error, path, "map");
		else
			*map = (struct file_map){ bytes, (size_t)st.st_size, identity_of(&st),
				                      map_guard(bytes, (size_t)st.st_size) };
		if (map->bytes != NULL && map->guard == NULL) {
			file_map_close(map);
			status = error_memory(error);
		}
	}
	close(fd);
	return status;
}

void file_map_close(struct file_map *map)
{
	map_guard_end(map->guard);
	if (map->bytes != NULL)
		munmap((void *)(uintptr_t)map->bytes, map->size);
	*map = (struct file_map){ 0 };
}

clipcls_status file_map_intact(const struct file_map *map, const char *path, clipcls_error *error)
{
	const struct file_identity *then = &map->identity;
	struct file_identity now;
	if (map_guard_lost(map->guard))
		return error_set(error, CLIPCLS_ERR_IO, "%s: was cut short, or failed, while it was in use",
		                 path);
	/* The time of the last change of status moves when a name is given or taken: that is no harm.
	 */
	if (file_identify(&now, path) && now.device == then->device && now.inode == then->inode &&
	    (now.size != then->size || now.modified_ns != then->modified_ns))
		return error_set(error, CLIPCLS_ERR_IO, "%s: was written to while it was in use", path);
	return CLIPCLS_OK;
}

/* Whole pages only: what else lies on the first and the last may be in use. */
void file_map_forget(const void *bytes, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)bytes, end = first + n;
	first = (first + page - 1) / page * page;
	end = end / page * page;
	if (first < end)
		madvise((void *)first, end - first, MADV_DONTNEED);
}
