/* Files mapped for reading, and what tells one file from another. */
#ifndef CLIPCLS_BASE_FILE_MAP_H
#define CLIPCLS_BASE_FILE_MAP_H

#include "base/error.h"

#include <stdbool.h>

/* Which file, and in which state: another content comes with another one of these. The time of the
 * last change of status is among them because that of the content can be set at will. */
struct file_identity {
	uint64_t device, inode, size;
	int64_t modified_ns, changed_ns;
};
/* False when there is no such file. */
bool file_identify(struct file_identity *out, const char *path);

struct guarded_map;

/* A file mapped read-only. What another process cuts off reads as zeros, without a signal:
 * whoever has used the bytes asks file_map_intact before trusting what came of them. */
struct file_map {
	const unsigned char *bytes;
	size_t size;
	struct file_identity identity; /* of what is mapped, whatever its path names by now */
	struct guarded_map *guard;
};
clipcls_status file_map_open(struct file_map *map, const char *path, clipcls_error *error);
void file_map_close(struct file_map *map);
/* CLIPCLS_ERR_IO, naming `path`, when the file was cut, could not be read, or was written to since
 * it was mapped. A file that was replaced as a whole, by renaming, stays what it was. */
clipcls_status file_map_intact(const struct file_map *map, const char *path, clipcls_error *error);
/* bytes[0..n), of a mapping, leave this process's memory until they are next read. */
void file_map_forget(const void *bytes, size_t n);

#endif
