#include "base/arena.h"

#include "base/checked.h"
#include "base/memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#define FLOATS_PER_LINE (MEMORY_ALIGNMENT / sizeof(float))

size_t arena_size_of(size_t n)
{
	return size_round_up(n, FLOATS_PER_LINE);
}

clipcls_status arena_init(struct arena *arena, size_t floats, clipcls_error *error)
{
	size_t size;
	*arena = (struct arena){ 0 };
	/* calloc, not a cleared aligned block: pages that a run never touches are never made. */
	if (size_add(floats, FLOATS_PER_LINE, &size))
		arena->block = memory_new(size, sizeof(float));
	if (arena->block == NULL)
		return error_memory(error);
	uintptr_t address = (uintptr_t)arena->block;
	size_t skip = size_round_up(address, MEMORY_ALIGNMENT) - address;
	arena->floats = (float *)(void *)((char *)arena->block + skip);
	arena->capacity = floats;
	return CLIPCLS_OK;
}

void arena_free(struct arena *arena)
{
	free(arena->block);
	*arena = (struct arena){ 0 };
}

float *arena_floats(struct arena *arena, size_t n)
{
	size_t size = arena_size_of(n);
	assert(size <= arena->capacity - arena->used);
	float *part = arena->floats + arena->used;
	arena->used += size;
	return part;
}
