/* Scratch memory of a forward pass: sized once, handed out in order, given back all at once. */
#ifndef CLIPCLS_BASE_ARENA_H
#define CLIPCLS_BASE_ARENA_H

#include "base/error.h"

struct arena {
	void *block;           /* as allocated */
	float *floats;         /* aligned to 64 bytes */
	size_t capacity, used; /* in floats */
};

/* Room for `floats` floats, zeroed; each arena_floats() may round its part up to 64 bytes. */
clipcls_status arena_init(struct arena *arena, size_t floats, clipcls_error *error);
void arena_free(struct arena *arena);
/* n floats, aligned to 64 bytes; they hold zeros or what stood there before. The arena must have
 * been sized for them: running over is a bug of the caller and ends in an assertion. */
float *arena_floats(struct arena *arena, size_t n);
/* What arena_floats(n) takes. */
size_t arena_size_of(size_t n);

#endif
