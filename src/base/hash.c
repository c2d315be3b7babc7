#include "base/hash.h"

#include <xxhash.h>

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, n, seed);
}

struct hash128 hash128_bytes(const void *bytes, size_t n)
{
	XXH128_hash_t hash = XXH3_128bits(bytes, n);
	return (struct hash128){ hash.high64, hash.low64 };
}
