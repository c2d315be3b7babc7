#include "fuzz.h"

#define MOST_PARTS 8

size_t mutate_bytes(uint8_t *data, size_t size, size_t most, struct dice *dice)
{
	(void)dice;
	return most > 0 ? LLVMFuzzerMutate(data, size, most) : size;
}

size_t mutate_part(uint8_t *data, size_t size, size_t most, size_t begin, size_t end,
                   struct dice *dice, size_t (*change)(uint8_t *, size_t, size_t, struct dice *))
{
	size_t n = end - begin, behind = size - end;
	if (size > most || n + (most - size) == 0)
		return size;
	uint8_t *rest = fuzz_copy(data + end, behind);
	n = change(data + begin, n, n + most - size, dice);
	memcpy(data + begin + n, rest, behind);
	free(rest);
	return begin + n + behind;
}

static size_t mutate_text(uint8_t *text, size_t size, size_t most, struct dice *dice)
{
	bool json = size > 0 && strchr("{[\"", text[0]) != NULL;
	/* A shard's size of data may stand before its header. */
	json = json || (size > 1 && text[1] == '{');
	return json && most > 0 ? mutate_json(text, size, most, dice)
	                        : mutate_bytes(text, size, most, dice);
}

size_t mutate_texts(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct dice dice = dice_of(seed);
	size_t ends[MOST_PARTS], parts = 0;
	if (size == 0 || dice_roll(&dice, 16) == 0)
		return LLVMFuzzerMutate(data, size, most);
	for (size_t at = 0; at < size && parts < MOST_PARTS - 1; at++)
		if (data[at] == '\0')
			ends[parts++] = at;
	ends[parts++] = size;
	size_t chosen = dice_roll(&dice, parts);
	size_t begin = chosen > 0 ? ends[chosen - 1] + 1 : 0;
	return mutate_part(data, size, most, begin, ends[chosen], &dice, mutate_text);
}
