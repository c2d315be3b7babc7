#include "nn/pool2d.h"

#include "base/checked.h"
#include "base/vector.h"

#include <string.h>

struct pool_job {
	const struct maps *out, *x;
	float *means;
};

/* out: (C).   upper, lower: two pixels of C channels each. */
VECTOR_CLONES
static void average_4(float *out, const float *upper, const float *lower, size_t C)
{
	for (size_t i = 0; i < C; i++)
		out[i] = ((upper[i] + upper[C + i]) + (lower[i] + lower[C + i])) * 0.25f;
}

static void halve_row(void *context, size_t task, size_t worker)
{
	const struct pool_job *job = context;
	size_t picture = task / job->out->height, y = task % job->out->height;
	(void)worker;
	for (size_t x = 0; x < job->out->width; x++)
		average_4(maps_pixel(job->out, picture, y, x), maps_pixel(job->x, picture, 2 * y, 2 * x),
		          maps_pixel(job->x, picture, 2 * y + 1, 2 * x), job->out->channels);
}

void pool_halves(const struct maps *out, const struct maps *x, struct pool *pool)
{
	struct pool_job job = { .out = out, .x = x };
	pool_run(pool, x->n * out->height, halve_row, &job);
}

/* Channels of a task: their sums are in registers over a row. */
#define CHANNELS 64

static inline __attribute__((always_inline)) void add_channels(float *out, const float *row,
                                                               size_t width, size_t stride,
                                                               size_t n)
{
	float sums[CHANNELS] = { 0 };
	for (size_t x = 0; x < width; x++, row += stride)
		for (size_t i = 0; i < n; i++)
			sums[i] += row[i];
	for (size_t i = 0; i < n; i++)
		out[i] += sums[i];
}

/* out += the sum over a row of `width` pixels, `stride` apart, n channels of each. Rows are summed
 * apart from each other, so that thousands of pixels do not round one sum. */
VECTOR_CLONES
static void add_row(float *out, const float *row, size_t width, size_t stride, size_t n)
{
	if (n == CHANNELS)
		add_channels(out, row, width, stride, CHANNELS);
	else
		add_channels(out, row, width, stride, n);
}

static void average_channels(void *context, size_t task, size_t worker)
{
	const struct pool_job *job = context;
	const struct maps *x = job->x;
	size_t pieces = (x->channels + CHANNELS - 1) / CHANNELS, picture = task / pieces;
	size_t first = task % pieces * CHANNELS, n = size_min(CHANNELS, x->channels - first);
	float *means = job->means + picture * x->channels + first;
	(void)worker;
	memset(means, 0, n * sizeof *means);
	for (size_t y = 0; y < x->height; y++)
		add_row(means, maps_pixel(x, picture, y, 0) + first, x->width, x->channels, n);
	for (size_t i = 0; i < n; i++)
		means[i] /= (float)(x->height * x->width);
}

void pool_global(float *out, const struct maps *x, struct pool *pool)
{
	struct pool_job job = { .x = x, .means = out };
	pool_run(pool, x->n * ((x->channels + CHANNELS - 1) / CHANNELS), average_channels, &job);
}
