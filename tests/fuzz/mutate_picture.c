#include "fuzz.h"

#include <zlib.h>

/* The byte before the picture is the target's. */
#define BEFORE 1
#define SIGNATURE 8

static void put_number(uint8_t *out, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(number >> (24 - 8 * i));
}

static uint32_t number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Of each chunk that is there as a whole: length, type, data, checksum of the last two. */
static void repair_png(uint8_t *png, size_t size)
{
	size_t at = SIGNATURE;
	while (size - at >= 12) {
		uint32_t length = number_at(png + at);
		if (length > size - at - 12)
			return;
		put_number(png + at + 8 + length, (uint32_t)crc32(0, png + at + 4, length + 4));
		at += 12 + (size_t)length;
	}
}

size_t mutate_picture(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	static const uint8_t png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
	struct dice dice = dice_of(seed);
	size = LLVMFuzzerMutate(data, size, most);
	if (size >= BEFORE + sizeof png && memcmp(data + BEFORE, png, sizeof png) == 0 &&
	    dice_roll(&dice, 8) > 0)
		repair_png(data + BEFORE, size - BEFORE);
	return size;
}
