#include "base/arena.h"

#include "base/checked.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

#define FLOATS_PER_LINE (MEMORY_ALIGNMENT / sizeof(float))

size_t arena_size_of(size_t n)
{
	return size_round_up(n, FLOATS_PER_LINE);
}

clipcls_status arena_init(struct arena *arena, size_t floats, clipcls_error *error)
{
	*arena = (struct arena){ .floats = memory_floats(floats), .capacity = floats };
	return arena->floats == NULL ? error_memory(error) : CLIPCLS_OK;
}

void arena_free(struct arena *arena)
{
	free(arena->floats);
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
