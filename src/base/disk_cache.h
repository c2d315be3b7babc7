/* A directory of results that are dearer to compute than to read.
 *
 * An entry holds its whole key, so that no two keys can be taken for each other, and a checksum. It
 * appears under its name only when all of it is on the disk: whatever happens to a process or to
 * the machine, an entry is there as a whole or not at all, and one that was damaged later is not
 * taken. Any number of processes may use a directory; what else lies in it is left alone. */
#ifndef CLIPCLS_BASE_DISK_CACHE_H
#define CLIPCLS_BASE_DISK_CACHE_H

#include "base/error.h"

#include <stdbool.h>

struct disk_cache {
	const char *directory;
	uint64_t limit; /* bytes of all entries */
};

struct disk_cache_key {
	const void *bytes;
	size_t size;
};

/* Reads the payload of an entry of exactly n bytes. False, with `payload` as it was, when there is
 * none of this key that is whole. */
bool disk_cache_read(void *payload, size_t n, const struct disk_cache *cache,
                     struct disk_cache_key key);

/* Makes or replaces an entry; makes the directory where it is missing. Then the entries that were
 * not used for longest are deleted until the others are within the limit.
 * CLIPCLS_ERR_IO, CLIPCLS_ERR_LIMIT (larger than the cache), CLIPCLS_ERR_MEMORY; messages start
 * with a path. After an error there is no new entry and no trace of one. */
clipcls_status disk_cache_write(const struct disk_cache *cache, struct disk_cache_key key,
                                const void *payload, size_t n, clipcls_error *error);

#endif
