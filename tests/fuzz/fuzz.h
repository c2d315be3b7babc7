/* What a fuzz target defines: takes any bytes, never crashes, leaks nothing. Run by libFuzzer
 * (scripts/fuzz.sh) and, over the files of corpus/, by replay.c as a unit test. */
#ifndef CLIPCLS_TESTS_FUZZ_H
#define CLIPCLS_TESTS_FUZZ_H

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* Makes `path` (64 bytes) name a file with these bytes, until fuzz_file_close. */
int fuzz_file(char path[64], const uint8_t *data, size_t size);
void fuzz_file_close(int file);

#endif
