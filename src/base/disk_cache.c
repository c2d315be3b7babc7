/* An entry, its numbers as the machine keeps them (a foreign one is as good as damaged):
 *
 *     struct head   magic, sizes
 *     key           (head.key_size)
 *     payload       (head.payload_size)
 *     checksum      uint64_t, of everything before it
 */
#include "base/disk_cache.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/disk_cache_trim.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/output_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "clipcls1"

/* An entry can hold what the user wrote, and the user alone may plant one. */
#define ENTRY_MODE 0600

struct head {
	char magic[8]; /* without the NUL */
	uint64_t key_size, payload_size;
};

static struct head make_head(struct disk_cache_key key, size_t n)
{
	struct head head = { .key_size = key.size, .payload_size = n };
	memcpy(head.magic, MAGIC, sizeof head.magic);
	return head;
}

/* directory/HASH.entry, allocated; NULL when memory is out. */
static char *entry_path(const struct disk_cache *cache, struct disk_cache_key key)
{
	struct hash128 hash = hash128_bytes(key.bytes, key.size);
	struct buffer name = { 0 };
	buffer_format(&name, "%016llx%016llx" DISK_CACHE_SUFFIX, (unsigned long long)hash.high,
	              (unsigned long long)hash.low);
	char *path = name.failed ? NULL : path_join(cache->directory, name.bytes);
	buffer_free(&name);
	return path;
}

static bool entry_size(size_t *out, struct disk_cache_key key, size_t n)
{
	return size_add(sizeof(struct head) + sizeof(uint64_t), key.size, out) &&
	       size_add(*out, n, out);
}

/* All bytes of a regular file of this size; NULL for any other. */
static char *read_exactly(const char *path, size_t size)
{
	struct stat st;
	char *bytes = NULL;
	size_t read = 0;
	/* What is no file must not hold us up: opening a pipe waits for its other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    file_read_fd(&bytes, &read, fd, path, size, NULL) == CLIPCLS_OK && read == size) {
		/* Its time tells trimming when it was last of use; where that cannot be set, it goes
		 * by the day it was made. */
		(void)futimens(fd, NULL);
	} else {
		free(bytes);
		bytes = NULL;
	}
	close(fd);
	return bytes;
}

bool disk_cache_read(void *payload, size_t n, const struct disk_cache *cache,
                     struct disk_cache_key key)
{
	size_t size;
	char *path = entry_path(cache, key);
	char *bytes = path != NULL && entry_size(&size, key, n) ? read_exactly(path, size) : NULL;
	bool found = false;
	if (bytes != NULL) {
		struct head head = make_head(key, n);
		uint64_t checksum = hash_bytes(bytes, size - sizeof checksum, 0);
		const char *stored_key = bytes + sizeof head, *stored_payload = stored_key + key.size;
		found = memcmp(bytes, &head, sizeof head) == 0 &&
		        memcmp(stored_key, key.bytes, key.size) == 0 &&
		        memcmp(stored_payload + n, &checksum, sizeof checksum) == 0;
		if (found)
			memcpy(payload, stored_payload, n);
	}
	free(bytes);
	free(path);
	return found;
}

/* The parts of an entry, one after the other, and the checksum behind them. */
static clipcls_status write_entry(struct output_file *file, struct disk_cache_key key,
                                  const void *payload, size_t n, clipcls_error *error)
{
	struct head head = make_head(key, n);
	struct buffer bytes = { 0 };
	buffer_append(&bytes, &head, sizeof head);
	buffer_append(&bytes, key.bytes, key.size);
	buffer_append(&bytes, payload, n);
	uint64_t checksum = hash_bytes(bytes.bytes, bytes.size, 0);
	buffer_append(&bytes, &checksum, sizeof checksum);
	clipcls_status status = bytes.failed
	                            ? error_memory(error)
	                            : output_file_write(file, 0, bytes.bytes, bytes.size, error);
	buffer_free(&bytes);
	return status;
}

clipcls_status disk_cache_write(const struct disk_cache *cache, struct disk_cache_key key,
                                const void *payload, size_t n, clipcls_error *error)
{
	size_t size;
	struct output_file file = { .fd = -1 };
	char *path = entry_path(cache, key);
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = CLIPCLS_OK;
	if (!entry_size(&size, key, n) || size > cache->limit)
		status = error_set(error, CLIPCLS_ERR_LIMIT, "%s: %zu bytes are more than the cache holds",
		                   cache->directory, n);
	if (status == CLIPCLS_OK)
		status = directory_make(cache->directory, error);
	if (status == CLIPCLS_OK)
		status = output_file_open(&file, path, ENTRY_MODE, error);
	if (status == CLIPCLS_OK)
		status = write_entry(&file, key, payload, n, error);
	if (status == CLIPCLS_OK)
		status = output_file_commit(&file, error);
	output_file_close(&file);
	if (status == CLIPCLS_OK)
		disk_cache_trim(cache, path);
	free(path);
	return status;
}
