/* A hash table from byte strings to size_t, for vocabularies, duplicate keys and tensor names.
 * Keys are borrowed: they must outlive the map. The hash is seeded per map, so that a file cannot
 * be built to make every key collide. */
#ifndef CLIPCLS_BASE_STRMAP_H
#define CLIPCLS_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>

struct strmap;

/* Sized for `expected` keys; grows beyond. NULL when memory is out. */
struct strmap *strmap_new(size_t expected);
void strmap_free(struct strmap *map);

enum strmap_put { STRMAP_ADDED, STRMAP_EXISTS, STRMAP_NO_MEMORY };

/* Adds key -> value; an existing key keeps its value. */
enum strmap_put strmap_put(struct strmap *map, const char *key, size_t length, size_t value);
/* Finds a key; false when it is absent. `value` may be NULL. */
bool strmap_get(const struct strmap *map, const char *key, size_t length, size_t *value);

#endif
