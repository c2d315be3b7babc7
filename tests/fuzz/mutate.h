/* Changing an input so that it stays one of its kind. Bytes that are changed anywhere break a
 * length or a checksum, and then no run comes further than the check of it. Each of these changes
 * what the format holds, and repairs what says so; now and then it leaves that, too, broken.
 *
 * data: (size), with room for `most` bytes. The new size is returned. */
#ifndef CLIPCLS_TESTS_FUZZ_MUTATE_H
#define CLIPCLS_TESTS_FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One text or several with a NUL between them, each JSON or not. */
size_t mutate_texts(uint8_t *data, size_t size, size_t most, unsigned seed);
/* A safetensors file: its header apart from its data; then the data_offsets and the length. */
size_t mutate_safetensors(uint8_t *data, size_t size, size_t most, unsigned seed);
/* The index of shards and their headers, as fuzz_shards.c has them; then the data_offsets and the
 * sizes. */
size_t mutate_shards(uint8_t *data, size_t size, size_t most, unsigned seed);
/* A safetensors file with the config and the checksums of the project's own single file. */
size_t mutate_single(uint8_t *data, size_t size, size_t most, unsigned seed);
/* A byte and an entry of the disk cache. */
size_t mutate_cache(uint8_t *data, size_t size, size_t most, unsigned seed);
/* A byte and a picture; of a PNG file the chunks' checksums. */
size_t mutate_picture(uint8_t *data, size_t size, size_t most, unsigned seed);

/* What a change starts from: now and then one of the inputs that fuzz_good was told of. */
size_t mutate_start(uint8_t *data, size_t size, size_t most, unsigned seed);

/* ---- for the mutators alone ----------------------------------------------------------------- */

/* libFuzzer's own: any change of bytes, and words of the dictionary. most > 0. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* Chance: repeatable from the seed. */
struct dice {
	uint64_t state;
};
static inline struct dice dice_of(unsigned seed)
{
	return (struct dice){ (uint64_t)seed + 1 };
}

/* 0..n-1, by splitmix64. */
static inline size_t dice_roll(struct dice *dice, size_t n)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (size_t)((z ^ z >> 31) % n);
}

/* Changes a JSON text by its values and members, mostly; broken JSON as far as it goes. */
size_t mutate_json(uint8_t *text, size_t size, size_t most, struct dice *dice);

/* Changes the part [begin, end) with `change`; what is behind it moves. */
size_t mutate_part(uint8_t *data, size_t size, size_t most, size_t begin, size_t end,
                   struct dice *dice, size_t (*change)(uint8_t *, size_t, size_t, struct dice *));
/* libFuzzer's own change, to be given to mutate_part. */
size_t mutate_bytes(uint8_t *data, size_t size, size_t most, struct dice *dice);

#endif
