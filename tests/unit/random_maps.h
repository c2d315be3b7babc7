/* Feature maps of random numbers, for tests. */
#ifndef CLIPCLS_TESTS_RANDOM_MAPS_H
#define CLIPCLS_TESTS_RANDOM_MAPS_H

#include "unit.h"

#include "random.h"

#include "nn/maps.h"

#include <math.h>

/* Takes maps and fills the pixels within the frame. */
static inline struct maps random_maps(const struct maps *sizes, struct arena *arena, uint32_t seed)
{
	struct maps maps = *sizes;
	maps_place(&maps, arena);
	for (size_t picture = 0; picture < maps.n; picture++)
		for (size_t y = 0; y < maps.height; y++)
			for (size_t i = 0; i < maps.width * maps.channels; i++)
				maps_pixel(&maps, picture, y, 0)[i] = random_float(&seed);
	return maps;
}

static inline struct arena arena_of(size_t floats)
{
	struct arena arena;
	clipcls_error error;
	assert_ok(arena_init(&arena, floats, &error));
	for (size_t i = 0; i < floats; i++)
		arena.floats[i] = NAN; /* so that what is read without having been written shows */
	return arena;
}

#endif
