#include "nn/position_grid.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Keys 1981, a = -0.5. */
static double cubic(double x)
{
	x = fabs(x);
	if (x < 1)
		return (1.5 * x - 2.5) * x * x + 1;
	return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/* The window of `from` places that place i of `to` is made of, and their weights. */
struct taps {
	size_t first, count;
	double *weights; /* (from) */
};

static void find_taps(struct taps *taps, size_t i, size_t to, size_t from)
{
	double scale = (double)from / (double)to, widened = scale > 1 ? scale : 1;
	double center = scale * ((double)i + 0.5), support = 2 * widened, sum = 0;
	double low = floor(center - support + 0.5), high = floor(center + support + 0.5);
	taps->first = low > 0 ? (size_t)low : 0;
	taps->count = size_min((size_t)high, from) - taps->first;
	for (size_t j = 0; j < taps->count; j++) {
		taps->weights[j] = cubic(((double)(taps->first + j) - center + 0.5) / widened);
		sum += taps->weights[j];
	}
	for (size_t j = 0; j < taps->count; j++)
		taps->weights[j] /= sum;
}

/* out: (to, n) = rows: (from, n), resized along the first dimension. */
static void resize_rows(float *out, size_t to, const float *rows, size_t from, size_t n,
                        struct taps *taps)
{
	for (size_t i = 0; i < to; i++, out += n) {
		find_taps(taps, i, to, from);
		memset(out, 0, n * sizeof *out);
		for (size_t j = 0; j < taps->count; j++)
			add_scaled(out, rows + (taps->first + j) * n, (float)taps->weights[j], n);
	}
}

clipcls_status position_grid_resize(float *out, size_t to, const float *grid, size_t from, size_t D,
                                    clipcls_error *error)
{
	size_t floats;
	struct taps taps = { .weights = memory_new(from, sizeof *taps.weights) };
	float *narrow = size_mul(from * to, D, &floats) ? memory_floats(floats) : NULL;
	if (taps.weights == NULL || narrow == NULL) {
		free(taps.weights);
		free(narrow);
		return error_memory(error);
	}
	for (size_t y = 0; y < from; y++)
		resize_rows(narrow + y * to * D, to, grid + y * from * D, from, D, &taps);
	resize_rows(out, to, narrow, from, to * D, &taps);
	free(taps.weights);
	free(narrow);
	return CLIPCLS_OK;
}
