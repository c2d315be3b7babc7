/* Inputs that were taken for what they should be. libFuzzer keeps what goes a new way, and by far
 * most ways end early, at one broken byte or another: left to itself, one run in a thousand starts
 * from a file that is whole. */
#include "fuzz.h"

#define MOST_GOOD 64
#define MOST_BYTES 20000

static struct {
	uint8_t bytes[MOST_BYTES];
	size_t size;
} good[MOST_GOOD];
static size_t count;

void fuzz_good(const uint8_t *data, size_t size)
{
	static struct dice dice;
	static size_t limit;
	/* Growing on and on, they would be ever slower. The first is the shortest of the corpus. */
	if (count == 0)
		limit = 2 * size + 1024;
	if (size == 0 || size > limit || size > MOST_BYTES)
		return;
	/* The old ones stay for a while: they were good in different ways. */
	if (count == MOST_GOOD && dice_roll(&dice, 16) > 0)
		return;
	size_t place = count < MOST_GOOD ? count++ : dice_roll(&dice, MOST_GOOD);
	memcpy(good[place].bytes, data, size);
	good[place].size = size;
}

size_t mutate_start(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct dice dice = dice_of(~seed);
	size_t place = count > 0 ? dice_roll(&dice, count) : 0;
	if (count == 0 || good[place].size > most || dice_roll(&dice, 4) > 0)
		return size;
	memcpy(data, good[place].bytes, good[place].size);
	return good[place].size;
}
