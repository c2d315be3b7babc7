#include "nn/squeeze.h"

#include "base/vector.h"
#include "nn/ops.h"
#include "nn/pool2d.h"

size_t squeeze_scratch(const struct squeeze *squeeze, size_t n)
{
	return 2 * arena_size_of(n * squeeze->expand.out) + arena_size_of(n * squeeze->reduce.out);
}

struct gate_job {
	const struct maps *x;
	const float *gates; /* (n, C) */
};

VECTOR_CLONES
static void multiply_pixels(float *x, const float *gates, size_t pixels, size_t C)
{
	for (size_t pixel = 0; pixel < pixels; pixel++, x += C)
		for (size_t i = 0; i < C; i++)
			x[i] *= gates[i];
}

static void gate_row(void *context, size_t task, size_t worker)
{
	const struct gate_job *job = context;
	const struct maps *x = job->x;
	size_t picture = task / x->height, y = task % x->height;
	(void)worker;
	multiply_pixels(maps_pixel(x, picture, y, 0), job->gates + picture * x->channels, x->width,
	                x->channels);
}

void squeeze_apply(const struct maps *x, const struct squeeze *squeeze, struct arena *arena,
                   struct pool *pool)
{
	size_t mark = arena->used;
	struct maps means = { .n = x->n, .height = 1, .width = 1, .channels = x->channels };
	struct maps reduced = means, gates = means;
	reduced.channels = squeeze->reduce.out;
	maps_place(&means, arena);
	maps_place(&reduced, arena);
	maps_place(&gates, arena);
	pool_global(means.data, x, pool);
	conv_apply(&reduced, &means, &squeeze->reduce, NULL, pool);
	conv_apply(&gates, &reduced, &squeeze->expand, NULL, pool);
	/* Each picture's by themselves: what is left over behind whole vectors may round in another
	 * way. */
	for (size_t i = 0; i < x->n; i++)
		sigmoid(gates.data + i * x->channels, x->channels);
	struct gate_job job = { x, gates.data };
	pool_run(pool, x->n * x->height, gate_row, &job);
	arena->used = mark;
}
