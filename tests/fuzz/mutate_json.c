#include "fuzz.h"

#include <stdio.h>

#define MOST_ITEMS 512
#define MOST_DEPTH 64
#define MOST_TEXT 65536

/* A value, and where its member starts: with the key, if it has one. */
struct item {
	size_t start, value, end;
};

struct items {
	struct item list[MOST_ITEMS];
	size_t count;
};

static size_t string_end(const uint8_t *text, size_t size, size_t at)
{
	for (at++; at < size && text[at] != '"'; at++)
		at += text[at] == '\\';
	return at < size ? at + 1 : size;
}

static size_t word_end(const uint8_t *text, size_t size, size_t at)
{
	while (at < size && strchr(" \t\r\n,:[]{}\"", text[at]) == NULL)
		at++;
	return at;
}

/* All values, those inside others, too. */
static void find_items(struct items *items, const uint8_t *text, size_t size)
{
	size_t open[MOST_DEPTH], depth = 0, start = size;
	items->count = 0;
	for (size_t at = 0; at < size && items->count < MOST_ITEMS;) {
		if (text[at] == '\0' || strchr(" \t\r\n,", text[at]) != NULL) {
			start = text[at++] == ',' ? size : start;
			continue;
		}
		if (text[at] == ']' || text[at] == '}') {
			at++;
			if (depth > 0 && --depth < MOST_DEPTH)
				items->list[open[depth]].end = at;
			start = size;
			continue;
		}
		if (text[at] == ':') {
			/* What stood before was a key. */
			if (items->count > 0)
				start = items->list[--items->count].start;
			at++;
			continue;
		}
		bool opens = text[at] == '[' || text[at] == '{';
		size_t end = text[at] == '"' ? string_end(text, size, at)
		             : opens         ? at + 1
		                             : word_end(text, size, at);
		if (opens && depth < MOST_DEPTH)
			open[depth] = items->count;
		depth += opens;
		items->list[items->count++] =
		    (struct item){ start < at ? start : at, at, opens ? size : end };
		start = size;
		at = end;
	}
}

/* Puts n bytes in the place of [begin, end); the text stays as it is when they do not fit. */
static size_t splice(uint8_t *text, size_t size, size_t most, size_t begin, size_t end,
                     const void *bytes, size_t n)
{
	if (size - (end - begin) + n > most)
		return size;
	memmove(text + begin + n, text + end, size - end);
	memcpy(text + begin, bytes, n);
	return size - (end - begin) + n;
}

/* Values at the edges of what parsers expect. */
static const char *interesting(struct dice *dice)
{
	static const char *const values[] = { "0",
		                                  "1",
		                                  "-1",
		                                  "2",
		                                  "0.5",
		                                  "255",
		                                  "256",
		                                  "65536",
		                                  "2147483647",
		                                  "2147483648",
		                                  "4294967296",
		                                  "9007199254740992",
		                                  "9223372036854775808",
		                                  "18446744073709551615",
		                                  "1e19",
		                                  "1e308",
		                                  "1e999",
		                                  "-0",
		                                  "true",
		                                  "false",
		                                  "null",
		                                  "\"\"",
		                                  "\"0\"",
		                                  "\"\\u0000\"",
		                                  "\"\\ud800\"",
		                                  "\"\\\\\"",
		                                  "[]",
		                                  "{}",
		                                  "[0,0,0]",
		                                  "[[[[[[[[0]]]]]]]]",
		                                  "{\"\":0}" };
	return values[dice_roll(dice, sizeof values / sizeof *values)];
}

/* A number becomes one near it; another value an interesting one. */
static size_t near(char out[64], const uint8_t *text, const struct item *item, struct dice *dice)
{
	char value[32] = "";
	size_t n = item->end - item->value;
	if (n >= sizeof value || strchr("-0123456789", text[item->value]) == NULL)
		return (size_t)snprintf(out, 64, "%s", interesting(dice));
	memcpy(value, text + item->value, n);
	double number = strtod(value, NULL);
	switch (dice_roll(dice, 5)) {
	case 0: number += 1; break;
	case 1: number -= 1; break;
	case 2: number *= 2; break;
	case 3: number /= 2; break;
	default: number += (double)dice_roll(dice, 100); break;
	}
	return (size_t)snprintf(out, 64, "%.17g", number);
}

/* The item with one of the commas beside it goes. */
static size_t take_out(uint8_t *text, size_t size, size_t most, const struct item *item)
{
	size_t begin = item->start, end = item->end;
	if (end < size && text[end] == ',')
		end++;
	else if (begin > 0 && text[begin - 1] == ',')
		begin--;
	return splice(text, size, most, begin, end, "", 0);
}

/* A copy of `other` behind the item. */
static size_t put_behind(uint8_t *text, size_t size, size_t most, const struct item *item,
                         const struct item *other)
{
	static uint8_t copy[MOST_TEXT + 1];
	size_t n = other->end - other->start;
	if (n > MOST_TEXT)
		return size;
	copy[0] = ',';
	memcpy(copy + 1, text + other->start, n);
	return splice(text, size, most, item->end, item->end, copy, n + 1);
}

static size_t put_in_place(uint8_t *text, size_t size, size_t most, const struct item *item,
                           const struct item *other)
{
	static uint8_t copy[MOST_TEXT];
	size_t n = other->end - other->value;
	if (n > MOST_TEXT)
		return size;
	memcpy(copy, text + other->value, n);
	return splice(text, size, most, item->value, item->end, copy, n);
}

size_t mutate_json(uint8_t *text, size_t size, size_t most, struct dice *dice)
{
	static struct items items;
	char value[64];
	find_items(&items, text, size);
	if (items.count == 0 || dice_roll(dice, 8) == 0)
		return LLVMFuzzerMutate(text, size, most);
	const struct item *item = &items.list[dice_roll(dice, items.count)];
	const struct item *other = &items.list[dice_roll(dice, items.count)];
	size_t n;
	switch (dice_roll(dice, 8)) {
	case 0: return take_out(text, size, most, item);
	case 1: return put_behind(text, size, most, item, other);
	case 2:
	case 3: return put_in_place(text, size, most, item, other);
	case 4:
		n = (size_t)snprintf(value, sizeof value, "%s", interesting(dice));
		return splice(text, size, most, item->value, item->end, value, n);
	case 5:
	case 6:
		n = near(value, text, item, dice);
		return splice(text, size, most, item->value, item->end, value, n);
	default: return mutate_part(text, size, most, item->start, item->end, dice, mutate_bytes);
	}
}
