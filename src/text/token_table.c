#include "text/token_table.h"

#include "base/checked.h"
#include "base/hash.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

bool token_table_init(struct token_table *table, size_t expected, const char *texts)
{
	*table = (struct token_table){ .capacity = 16, .texts = texts };
	while (table->capacity / 2 < expected)
		if (!size_mul(table->capacity, 2, &table->capacity))
			return false;
	table->slots = memory_new(table->capacity, sizeof *table->slots);
	table->keys = memory_grow(NULL, &table->key_capacity, expected, sizeof *table->keys);
	/* Without entropy the table still works; only the protection is gone. */
	if (getrandom(&table->seed, sizeof table->seed, GRND_NONBLOCK) != (ssize_t)sizeof table->seed)
		table->seed = (uintptr_t)table;
	return table->slots != NULL && table->keys != NULL;
}

void token_table_free(struct token_table *table)
{
	free(table->slots);
	free(table->keys);
}

bool token_table_is(const struct token_table *table, size_t place, const char *text, size_t n)
{
	if (place >= table->count)
		return false;
	const struct token_key *key = &table->keys[place];
	return key->length == n && memcmp(table->texts + key->text, text, n) == 0;
}

/* The slot of a text, or the free one where it belongs. */
static struct token_slot *find(const struct token_table *table, const char *text, size_t n,
                               uint32_t hash)
{
	size_t i = hash & (table->capacity - 1);
	for (;; i = (i + 1) & (table->capacity - 1)) {
		struct token_slot *slot = &table->slots[i];
		if (slot->place == 0)
			return slot;
		if (slot->hash == hash && token_table_is(table, slot->place - 1, text, n))
			return slot;
	}
}

static bool grow(struct token_table *table)
{
	size_t capacity;
	if (!size_mul(table->capacity, 2, &capacity))
		return false;
	struct token_slot *slots = memory_new(capacity, sizeof *slots);
	if (slots == NULL)
		return false;
	for (size_t i = 0; i < table->capacity; i++) {
		if (table->slots[i].place == 0)
			continue;
		size_t k = table->slots[i].hash & (capacity - 1);
		while (slots[k].place != 0)
			k = (k + 1) & (capacity - 1);
		slots[k] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->capacity = capacity;
	return true;
}

enum token_put token_table_put(struct token_table *table, uint32_t text, uint32_t length)
{
	if (table->count >= UINT32_MAX - 1)
		return TOKEN_NO_MEMORY;
	if (table->count >= table->capacity / 2 && !grow(table))
		return TOKEN_NO_MEMORY;
	const char *bytes = table->texts + text;
	uint32_t hash = (uint32_t)hash_bytes(bytes, length, table->seed);
	struct token_slot *slot = find(table, bytes, length, hash);
	if (slot->place != 0)
		return TOKEN_EXISTS;
	struct token_key *keys =
	    memory_grow(table->keys, &table->key_capacity, table->count + 1, sizeof *keys);
	if (keys == NULL)
		return TOKEN_NO_MEMORY;
	table->keys = keys;
	keys[table->count++] = (struct token_key){ .text = text, .length = length };
	*slot = (struct token_slot){ .hash = hash, .place = (uint32_t)table->count };
	return TOKEN_ADDED;
}

bool token_table_get(const struct token_table *table, const char *text, size_t n, size_t *place)
{
	uint32_t hash = (uint32_t)hash_bytes(text, n, table->seed);
	const struct token_slot *slot = find(table, text, n, hash);
	if (slot->place == 0)
		return false;
	*place = slot->place - 1;
	return true;
}
