#include "base/memory.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

void *memory_new(size_t n, size_t size)
{
	return calloc(n > 0 ? n : 1, size);
}

float *memory_floats(size_t n)
{
	size_t bytes;
	void *block = NULL;
	if (!size_mul(n, sizeof(float), &bytes))
		return NULL;
	if (posix_memalign(&block, MEMORY_ALIGNMENT, bytes > 0 ? bytes : MEMORY_ALIGNMENT) != 0)
		return NULL;
	return block;
}

void *memory_grow(void *array, size_t *capacity, size_t needed, size_t size)
{
	if (array != NULL && needed <= *capacity)
		return array;
	size_t next = *capacity > 0 ? *capacity : 16;
	while (next < needed)
		if (!size_mul(next, 2, &next))
			return NULL;
	size_t bytes;
	if (!size_mul(next, size, &bytes))
		return NULL;
	void *grown = realloc(array, bytes);
	if (grown != NULL)
		*capacity = next;
	return grown;
}

char *memory_string(const char *bytes, size_t n)
{
	size_t size;
	if (!size_add(n, 1, &size))
		return NULL;
	char *copy = malloc(size);
	if (copy == NULL)
		return NULL;
	if (n > 0)
		memcpy(copy, bytes, n);
	copy[n] = '\0';
	return copy;
}
