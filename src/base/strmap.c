#include "base/strmap.h"

#include "base/checked.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct slot {
	const char *key; /* NULL = free */
	size_t length;
	size_t value;
	uint64_t hash;
};

/* Open addressing, at most half full. */
struct strmap {
	struct slot *slots;
	size_t capacity; /* a power of two */
	size_t count;
	uint64_t seed;
};

struct strmap *strmap_new(size_t expected)
{
	struct strmap *map = memory_new(1, sizeof *map);
	if (map == NULL)
		return NULL;
	map->capacity = 16;
	while (map->capacity / 2 < expected)
		if (!size_mul(map->capacity, 2, &map->capacity))
			goto fail;
	map->slots = memory_new(map->capacity, sizeof *map->slots);
	if (map->slots == NULL)
		goto fail;
	/* Without entropy the table still works; only the protection is gone. */
	if (getrandom(&map->seed, sizeof map->seed, GRND_NONBLOCK) != (ssize_t)sizeof map->seed)
		map->seed = (uintptr_t)map;
	return map;
fail:
	free(map);
	return NULL;
}

void strmap_free(struct strmap *map)
{
	if (map == NULL)
		return;
	free(map->slots);
	free(map);
}

static struct slot *find(const struct strmap *map, const char *key, size_t length, uint64_t hash)
{
	size_t i = (size_t)hash & (map->capacity - 1);
	for (;; i = (i + 1) & (map->capacity - 1)) {
		struct slot *slot = &map->slots[i];
		if (slot->key == NULL)
			return slot;
		if (slot->hash == hash && slot->length == length && memcmp(slot->key, key, length) == 0)
			return slot;
	}
}

static bool grow(struct strmap *map)
{
	struct strmap larger = *map;
	if (!size_mul(map->capacity, 2, &larger.capacity))
		return false;
	larger.slots = memory_new(larger.capacity, sizeof *larger.slots);
	if (larger.slots == NULL)
		return false;
	for (size_t i = 0; i < map->capacity; i++) {
		const struct slot *slot = &map->slots[i];
		if (slot->key != NULL)
			*find(&larger, slot->key, slot->length, slot->hash) = *slot;
	}
	free(map->slots);
	*map = larger;
	return true;
}

enum strmap_put strmap_put(struct strmap *map, const char *key, size_t length, size_t value)
{
	uint64_t hash = hash_bytes(key, length, map->seed);
	struct slot *slot = find(map, key, length, hash);
	if (slot->key != NULL)
		return STRMAP_EXISTS;
	if (map->count >= map->capacity / 2) {
		if (!grow(map))
			return STRMAP_NO_MEMORY;
		slot = find(map, key, length, hash);
	}
	*slot = (struct slot){ .key = key, .length = length, .value = value, .hash = hash };
	map->count++;
	return STRMAP_ADDED;
}

bool strmap_get(const struct strmap *map, const char *key, size_t length, size_t *value)
{
	const struct slot *slot = find(map, key, length, hash_bytes(key, length, map->seed));
	if (slot->key == NULL)
		return false;
	if (value != NULL)
		*value = slot->value;
	return true;
}
