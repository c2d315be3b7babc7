/* Entries of the cache of label embeddings
 *
 * The first byte says which key and which size of payload are asked for, the rest is the entry's
 * file. What is taken for an entry must be, byte for byte, what would have been written. */
#include "fuzz.h"

#include "base/buffer.h"
#include "base/disk_cache.h"
#include "base/hash.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <unistd.h>

#define DIRECTORY "input"

FUZZ_MUTATOR(mutate_cache)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static int entry_file = -1;

/* Every entry is the one file in memory. */
int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
	va_end(args);
	if (strncmp(path, DIRECTORY "/", sizeof DIRECTORY) != 0)
		return __real_open(path, flags, mode);
	return lseek(entry_file, 0, SEEK_SET) == 0 ? dup(entry_file) : -1;
}

static void write_entry(const uint8_t *data, size_t size)
{
	if (entry_file < 0)
		entry_file = memfd_create("entry", MFD_CLOEXEC);
	if (ftruncate(entry_file, (off_t)size) != 0 ||
	    (size > 0 && pwrite(entry_file, data, size, 0) != (ssize_t)size))
		abort();
}

/* As disk_cache.c describes an entry. */
static void check_entry(const uint8_t *data, size_t size, struct disk_cache_key key,
                        const uint8_t *payload, size_t n)
{
	struct buffer entry = { 0 };
	uint64_t sizes[2] = { key.size, n };
	buffer_text(&entry, "clipcls1");
	buffer_append(&entry, sizes, sizeof sizes);
	buffer_append(&entry, key.bytes, key.size);
	buffer_append(&entry, payload, n);
	uint64_t checksum = hash_bytes(entry.bytes, entry.size, 0);
	buffer_append(&entry, &checksum, sizeof checksum);
	if (entry.failed || entry.size != size || memcmp(entry.bytes, data, size) != 0)
		abort();
	buffer_free(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct disk_cache_key keys[] = { { "k", 1 },
		                                          { "key of thirteen", 15 },
		                                          { "", 0 } };
	static const size_t sizes[] = { 0, 4, 32, 512 };
	const struct disk_cache cache = { DIRECTORY, 1 << 20 };
	const uint8_t *input = data;
	size_t input_size = size;
	uint8_t how = size > 0 ? data[0] : 0;
	struct disk_cache_key key = keys[how % 3];
	size_t n = sizes[how / 3 % 4];
	if (size > 0)
		data++, size--;
	write_entry(data, size);
	uint8_t *payload = malloc(n > 0 ? n : 1);
	if (payload == NULL)
		abort();
	memset(payload, 0xa5, n);
	if (disk_cache_read(payload, n, &cache, key)) {
		check_entry(data, size, key, payload, n);
		fuzz_good(input, input_size);
	} else {
		for (size_t i = 0; i < n; i++)
			if (payload[i] != 0xa5)
				abort();
	}
	free(payload);
	return 0;
}
