#include "fuzz.h"

#include "base/hash.h"

/* An entry: magic, two sizes, key, payload, checksum (disk_cache.c), behind a byte of the target.
 */
#define BEFORE 1
#define CHECKSUM sizeof(uint64_t)

size_t mutate_cache(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct dice dice = dice_of(seed);
	if (size < BEFORE + CHECKSUM || dice_roll(&dice, 8) == 0)
		return LLVMFuzzerMutate(data, size, most);
	size = mutate_part(data, size, most, 0, size - CHECKSUM, &dice, mutate_bytes);
	if (size >= BEFORE + CHECKSUM) {
		size_t n = size - BEFORE - CHECKSUM;
		uint64_t checksum = hash_bytes(data + BEFORE, n, 0);
		memcpy(data + BEFORE + n, &checksum, sizeof checksum);
	}
	return size;
}
