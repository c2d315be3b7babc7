/* Token text -> place in the vocabulary.
 *
 * base/strmap.h would do, at four times the time: its slots hold whole keys, and a vocabulary's
 * 98,304 lookups while it is read then miss the processor's cache each time. Here a slot is eight
 * bytes, and texts are offsets into one block. */
#ifndef CLIPCLS_TEXT_TOKEN_TABLE_H
#define CLIPCLS_TEXT_TOKEN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_key {
	uint32_t text, length; /* in the block of texts */
};

struct token_slot {
	uint32_t hash;
	uint32_t place; /* plus one; 0 = free */
};

struct token_table {
	struct token_slot *slots;
	size_t capacity; /* a power of two, at most half full */
	size_t count;
	uint64_t seed; /* so that no file can be made to collide */
	const char *texts;
	struct token_key *keys; /* (count) in order of place */
	size_t key_capacity;
};

/* `texts` is borrowed. False when memory is out. */
bool token_table_init(struct token_table *table, size_t expected, const char *texts);
void token_table_free(struct token_table *table);

enum token_put { TOKEN_ADDED, TOKEN_EXISTS, TOKEN_NO_MEMORY };

/* Adds texts[text..text + length) at place `count`. */
enum token_put token_table_put(struct token_table *table, uint32_t text, uint32_t length);
/* Whether this text is at `place`. */
bool token_table_is(const struct token_table *table, size_t place, const char *text, size_t n);
/* The place of a text; false when it is absent. */
bool token_table_get(const struct token_table *table, const char *text, size_t n, size_t *place);

#endif
