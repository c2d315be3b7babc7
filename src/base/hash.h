/* Content hashes (XXH3), for checksums of tensors and of cache entries, and for names of entries.
 */
#ifndef CLIPCLS_BASE_HASH_H
#define CLIPCLS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Of n bytes; `seed` chains: hash_bytes(b, nb, hash_bytes(a, na, 0)). */
uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed);

struct hash128 {
	uint64_t high, low;
};
struct hash128 hash128_bytes(const void *bytes, size_t n);

#endif
