/* Work on tiles of rows, a chunk of them at a time, so that what lies between two steps of it stays
 * in the cache. */
#ifndef CLIPCLS_NN_CHUNKS_H
#define CLIPCLS_NN_CHUNKS_H

#include "base/pool.h"

/* The tiles [first, first + count). worker: of pool_threads, names scratch; 0 when `inner` is not
 * NULL. inner: what the chunk may share its own work out on. */
typedef void (*chunk_fn)(void *context, size_t first, size_t count, size_t worker,
                         struct pool *inner);

struct chunks {
	size_t tiles, per_chunk;
	chunk_fn run;
	void *context;
};

/* Where there are chunks enough they are shared out over `pool` (may be NULL); else they are run
 * one after the other, and each is given the pool. */
void chunks_run(const struct chunks *chunks, struct pool *pool);

/* Tiles of `rows` rows that make a chunk: about `wanted` rows, and no more than there are. */
size_t chunk_of(size_t tiles, size_t rows, size_t wanted);

#endif
