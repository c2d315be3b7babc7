/* What a fuzz target defines: takes any bytes, never crashes, leaks nothing. Run by libFuzzer
 * (scripts/fuzz.sh) and, over the files of corpus/, by replay.c as a unit test. */
#ifndef CLIPCLS_TESTS_FUZZ_H
#define CLIPCLS_TESTS_FUZZ_H

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How an input of this target is changed (mutate.h); without libFuzzer nothing changes one.
 * fuzz_good: this input was no broken one, and is worth a start for others. */
#ifdef FUZZ_MUTATORS
#include "mutate.h"
#define FUZZ_MUTATOR(mutate)                                                               \
	size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) \
	{                                                                                      \
		return mutate(data, mutate_start(data, size, most, seed), most, seed);             \
	}
void fuzz_good(const uint8_t *data, size_t size);
#else
#define FUZZ_MUTATOR(mutate)
static inline void fuzz_good(const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
}
#endif

/* A failure says why, in one line. */
static inline void fuzz_check(clipcls_status status, const clipcls_error *error)
{
	if (status != CLIPCLS_OK && (error->message[0] == '\0' || strchr(error->message, '\n') != NULL))
		abort();
}

/* Bytes where a sanitizer sees the first step beyond their end. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);
	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* The part of the text up to the next NUL, or to its end; *text moves behind it. An input that is
 * several files has a NUL between them: none of them may hold one. */
struct fuzz_part {
	const uint8_t *bytes;
	size_t size;
};
static inline struct fuzz_part fuzz_next_part(const uint8_t **text, size_t *size)
{
	const uint8_t *nul = *size > 0 ? memchr(*text, '\0', *size) : NULL;
	struct fuzz_part part = { *text, nul != NULL ? (size_t)(nul - *text) : *size };
	size_t taken = part.size + (nul != NULL);
	*text += taken;
	*size -= taken;
	return part;
}

/* Files in memory: the library's file_map_open, file_read and file_exists find these, and only
 * these (memory_files.c). `path` is borrowed, the bytes are copied. */
void fuzz_files_add(const char *path, const uint8_t *data, size_t size);
void fuzz_files_clear(void);

/* What the program's readers get, `piece` bytes at a time, whatever they open; borrowed
 * (memory_stream.c). */
void fuzz_stream(const uint8_t *data, size_t size, size_t piece);

#endif
