#include "text/charsmap.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* The tokenizers library takes a longer grapheme apart. */
#define SHORT_GRAPHEME 6

struct charsmap {
	uint32_t *units; /* (count) */
	size_t count;
	char *replacements; /* (size), and a NUL behind */
	size_t size;
};

static uint32_t read_u32(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

clipcls_status charsmap_new(struct charsmap **out, const char *bytes, size_t size, const char *name,
                            clipcls_error *error)
{
	*out = NULL;
	size_t trie = size >= 4 ? read_u32(bytes) : 0;
	if (size < 4 || trie > size - 4 || trie == 0 || trie % 4 != 0 ||
	    !utf8_valid(bytes + 4 + trie, size - 4 - trie))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: broken precompiled_charsmap", name);
	struct charsmap *map = memory_new(1, sizeof *map);
	if (map == NULL)
		return error_memory(error);
	map->count = trie / 4;
	map->size = size - 4 - trie;
	map->units = memory_new(map->count, sizeof *map->units);
	map->replacements = memory_string(bytes + 4 + trie, map->size);
	if (map->units == NULL || map->replacements == NULL) {
		charsmap_free(map);
		return error_memory(error);
	}
	for (size_t i = 0; i < map->count; i++)
		map->units[i] = read_u32(bytes + 4 + 4 * i);
	*out = map;
	return CLIPCLS_OK;
}

void charsmap_free(struct charsmap *map)
{
	if (map == NULL)
		return;
	free(map->units);
	free(map->replacements);
	free(map);
}

/* ---- the trie: Darts-clone's units ---------------------------------------------------------- */

static size_t unit_offset(uint32_t unit)
{
	return (size_t)(unit >> 10) << ((unit & 0x200) >> 6);
}

static bool unit_has_leaf(uint32_t unit)
{
	return (unit & 0x100) != 0;
}

/* Of a unit that is no leaf; a leaf's is above any byte. */
static uint32_t unit_label(uint32_t unit)
{
	return unit & (0x80000000u | 0xff);
}

static bool starts_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

/* A rule has to end where a character ends, and its replacement to start where one starts: what
 * comes out is UTF-8 then, whatever the file. */
static bool search(struct charsmap_match *out, const struct charsmap *map, const char *text,
                   size_t n, bool longest)
{
	bool found = false;
	size_t at = unit_offset(map->units[0]);
	for (size_t i = 0; i < n; i++) {
		at ^= (unsigned char)text[i];
		if (at >= map->count || unit_label(map->units[at]) != (unsigned char)text[i])
			break;
		bool leaf = unit_has_leaf(map->units[at]);
		at ^= unit_offset(map->units[at]);
		if (!leaf || at >= map->count || (i + 1 < n && !starts_character(text[i + 1])))
			continue;
		size_t value = map->units[at] & 0x7fffffff;
		if (value > map->size || !starts_character(map->replacements[value]))
			continue;
		*out = (struct charsmap_match){ .text = map->replacements + value, .length = i + 1 };
		found = true;
		if (!longest)
			break;
	}
	return found;
}

bool charsmap_longest(struct charsmap_match *out, const struct charsmap *map, const char *text,
                      size_t n)
{
	return search(out, map, text, n, true);
}

bool charsmap_shortest(struct charsmap_match *out, const struct charsmap *map, const char *text,
                       size_t n)
{
	return search(out, map, text, n, false);
}

/* ---- by graphemes --------------------------------------------------------------------------- */

void charsmap_graphemes(struct buffer *out, const struct charsmap *map, const char *text, size_t n)
{
	struct charsmap_match match;
	uint32_t c;
	if (map == NULL) {
		buffer_append(out, text, n);
		return;
	}
	for (size_t i = 0; i < n;) {
		size_t end = i + unicode_grapheme(text + i, n - i);
		if (end - i < SHORT_GRAPHEME && charsmap_shortest(&match, map, text + i, end - i)) {
			buffer_text(out, match.text);
			i = end;
		}
		while (i < end) {
			size_t length = utf8_decode(&c, text + i, end - i);
			if (charsmap_shortest(&match, map, text + i, length))
				buffer_text(out, match.text);
			else
				buffer_append(out, text + i, length);
			i += length;
		}
	}
}
