#include "text/pieces.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static uint64_t hash_start(const struct pieces *pieces)
{
	return pieces->seed;
}

static uint64_t hash_byte(const struct pieces *pieces, uint64_t hash, char byte)
{
	hash = (hash ^ (unsigned char)byte) * pieces->factor;
	return hash ^ hash >> 32;
}

/* Prefixes of these lengths are marked. */
static bool is_marked_length(size_t length)
{
	return length == 3 || length == 6 || length == 9 || length == 15 || length == 24 ||
	       length == 48;
}

static bool allocate(struct pieces *pieces, size_t slots)
{
	pieces->slots = memory_new(slots, sizeof *pieces->slots);
	pieces->prefixes = memory_new(slots / 8 + 1, 1);
	pieces->slot_count = slots;
	return pieces->slots != NULL && pieces->prefixes != NULL;
}

clipcls_status pieces_init(struct pieces *pieces, size_t expected, const char *name,
                           clipcls_error *error)
{
	size_t slots = 16;
	*pieces = (struct pieces){ .name = name };
	while (slots / 4 < expected)
		if (!size_mul(slots, 2, &slots))
			return error_memory(error);
	/* Without entropy the table still works; only the protection from made-up collisions is gone.
	 */
	uint64_t random[2] = { (uintptr_t)pieces, 0x9e3779b97f4a7c15 };
	if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
		random[1] = 0x9e3779b97f4a7c15;
	pieces->seed = random[0];
	pieces->factor = random[1] | 1;
	if (!allocate(pieces, slots))
		return error_memory(error);
	return CLIPCLS_OK;
}

void pieces_free(struct pieces *pieces)
{
	free(pieces->texts);
	free(pieces->list);
	free(pieces->slots);
	free(pieces->prefixes);
	*pieces = (struct pieces){ 0 };
}

/* ---- adding --------------------------------------------------------------------------------- */

static void mark(struct pieces *pieces, uint64_t hash)
{
	size_t bit = hash & (pieces->slot_count - 1);
	pieces->prefixes[bit / 8] |= (unsigned char)(1u << bit % 8);
}

/* The hash of a text; its prefixes are marked on the way. */
static uint64_t hash_and_mark(struct pieces *pieces, const char *text, size_t n)
{
	uint64_t hash = hash_start(pieces);
	for (size_t i = 0; i < n; i++) {
		hash = hash_byte(pieces, hash, text[i]);
		if (is_marked_length(i + 1))
			mark(pieces, hash);
	}
	return hash;
}

static const struct piece *find(const struct pieces *pieces, const char *text, size_t n,
                                uint64_t hash)
{
	size_t mask = pieces->slot_count - 1;
	for (size_t i = hash & mask; pieces->slots[i].place != 0; i = (i + 1) & mask) {
		if (pieces->slots[i].hash != (uint32_t)hash)
			continue;
		const struct piece *piece = &pieces->list[pieces->slots[i].place - 1];
		if (piece->length == n && memcmp(pieces->texts + piece->text, text, n) == 0)
			return piece;
	}
	return NULL;
}

static void put(struct pieces *pieces, size_t place)
{
	const struct piece *piece = &pieces->list[place];
	size_t mask = pieces->slot_count - 1;
	uint64_t hash = hash_and_mark(pieces, pieces->texts + piece->text, piece->length);
	size_t i = hash & mask;
	while (pieces->slots[i].place != 0)
		i = (i + 1) & mask;
	pieces->slots[i] = (struct piece_slot){ .hash = (uint32_t)hash, .place = (uint32_t)place + 1 };
}

static bool grow_slots(struct pieces *pieces)
{
	struct piece_slot *slots = pieces->slots;
	unsigned char *prefixes = pieces->prefixes;
	size_t doubled;
	bool grown = size_mul(pieces->slot_count, 2, &doubled) && allocate(pieces, doubled);
	for (size_t i = 0; grown && i < pieces->count; i++)
		put(pieces, i);
	free(slots);
	free(prefixes);
	return grown;
}

static bool make_room(struct pieces *pieces, size_t n)
{
	size_t needed;
	struct piece *list =
	    memory_grow(pieces->list, &pieces->capacity, pieces->count + 1, sizeof *list);
	if (list == NULL)
		return false;
	pieces->list = list;
	if (!size_add(pieces->texts_size, n, &needed) || needed > UINT32_MAX ||
	    pieces->count + 1 >= UINT32_MAX)
		return false;
	char *texts = memory_grow(pieces->texts, &pieces->texts_capacity, needed, 1);
	if (texts == NULL)
		return false;
	pieces->texts = texts;
	return pieces->count < pieces->slot_count / 2 || grow_slots(pieces);
}

clipcls_status pieces_add(struct pieces *pieces, const char *text, size_t n,
                          const struct piece *values, clipcls_error *error)
{
	if (n == 0 || !utf8_valid(text, n))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: the token of id %d is %s", pieces->name,
		                 (int)values->id, n == 0 ? "empty" : "not UTF-8");
	if (n > PIECE_LIMIT)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: not supported: a token of more than %d bytes (id %d)", pieces->name,
		                 PIECE_LIMIT, (int)values->id);
	if (pieces_find(pieces, text, n) != NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: token \"%.*s\" stands twice", pieces->name,
		                 (int)size_min(n, 64), text);
	if (!make_room(pieces, n))
		return error_memory(error);
	struct piece *piece = &pieces->list[pieces->count];
	*piece = *values;
	piece->text = (uint32_t)pieces->texts_size;
	piece->length = (uint32_t)n;
	memcpy(pieces->texts + pieces->texts_size, text, n);
	pieces->texts_size += n;
	pieces->longest = size_max(pieces->longest, n);
	put(pieces, pieces->count++);
	return CLIPCLS_OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

const struct piece *pieces_find(const struct pieces *pieces, const char *text, size_t n)
{
	uint64_t hash = hash_start(pieces);
	if (n > pieces->longest)
		return NULL;
	for (size_t i = 0; i < n; i++)
		hash = hash_byte(pieces, hash, text[i]);
	return find(pieces, text, n, hash);
}

const struct piece *piece_walk_next(struct piece_walk *walk)
{
	const struct pieces *pieces = walk->pieces;
	size_t end = size_min(walk->size, pieces->longest), mask = pieces->slot_count - 1;
	if (walk->length == 0)
		walk->hash = hash_start(pieces);
	while (walk->length < end) {
		walk->hash = hash_byte(pieces, walk->hash, walk->text[walk->length++]);
		size_t bit = walk->hash & mask;
		if (is_marked_length(walk->length) && (pieces->prefixes[bit / 8] >> bit % 8 & 1) == 0)
			return NULL; /* nothing starts like this */
		/* Pieces are whole characters. */
		if (walk->length < walk->size && ((unsigned char)walk->text[walk->length] & 0xc0) == 0x80)
			continue;
		const struct piece *piece = find(pieces, walk->text, walk->length, walk->hash);
		if (piece != NULL)
			return piece;
	}
	return NULL;
}

const struct piece *pieces_longest(const struct pieces *pieces, const char *text, size_t n)
{
	struct piece_walk walk = { .pieces = pieces, .text = text, .size = n };
	const struct piece *longest = NULL, *piece;
	while ((piece = piece_walk_next(&walk)) != NULL)
		longest = piece;
	return longest;
}
