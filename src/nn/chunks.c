#include "nn/chunks.h"

#include "base/checked.h"

static void run_one(void *context, size_t task, size_t worker)
{
	const struct chunks *chunks = context;
	size_t first = task * chunks->per_chunk;
	chunks->run(chunks->context, first, size_min(chunks->per_chunk, chunks->tiles - first), worker,
	            NULL);
}

void chunks_run(const struct chunks *chunks, struct pool *pool)
{
	size_t count = (chunks->tiles + chunks->per_chunk - 1) / chunks->per_chunk;
	struct chunks copy = *chunks;
	if (count >= pool_threads(pool)) {
		pool_run(pool, count, run_one, &copy);
		return;
	}
	for (size_t first = 0; first < chunks->tiles; first += chunks->per_chunk)
		chunks->run(chunks->context, first, size_min(chunks->per_chunk, chunks->tiles - first), 0,
		            pool);
}

size_t chunk_of(size_t tiles, size_t rows, size_t wanted)
{
	return size_min(tiles, size_max(1, wanted / rows));
}
