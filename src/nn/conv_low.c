#include "nn/conv_low.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/taken.h"
#include "nn/conv_finish.h"

#include <stdlib.h>
#include <string.h>

/* Pixels of a tile, at most: enough for fast products, few enough for its windows to stay in the
 * second-level cache. */
#define MOST_ROWS 64

struct conv_low {
	struct conv *conv;
	struct linear linear; /* (O, K*K*I) */
	struct low_weights *weights;
	size_t rows; /* pixels of a tile: all have as many */
	struct conv_lowering *lowering;
};

/* What one thread works in. */
struct conv_slot {
	atomic_bool taken;
	float *windows; /* (rows, K*K*I) */
	float *sums;    /* (rows, O) */
	struct low_rows rows;
};

struct conv_lowering {
	struct conv_low *convs; /* (count) */
	size_t count;
	struct conv_slot *slots; /* (slot_count): one for each thread */
	size_t slot_count;
	struct arena arena; /* what they point to */
};

/* The largest number of pixels, up to MOST_ROWS, that divides a picture's evenly. */
static size_t rows_of(size_t pixels)
{
	size_t rows = size_min(pixels, MOST_ROWS);
	while (pixels % rows != 0)
		rows--;
	return rows;
}

/* ---- weights -------------------------------------------------------------------------------- */

static clipcls_status lower(struct conv_low *low, const struct conv_place *place,
                            enum low_type type, struct pool *pool, clipcls_error *error)
{
	const struct conv *conv = low->conv = place->conv;
	size_t K = conv_depth(conv);
	float *weight = memory_floats(conv->out * K);
	if (weight == NULL)
		return error_memory(error);
	conv_unfold(weight, conv);
	low->rows = rows_of(place->pixels);
	low->linear = (struct linear){ .weight = weight, .n = conv->out, .k = K };
	struct linear *const linears[] = { &low->linear };
	const size_t rows[2] = { low->rows, low->rows };
	clipcls_status status = low_weights_new(&low->weights, type, linears, 1, rows, pool, error);
	low->linear.weight = NULL;
	free(weight);
	return status;
}

/* Slots that are large enough for every convolution. */
static clipcls_status set_up_slots(struct conv_lowering *lowering, enum low_type type,
                                   size_t threads, clipcls_error *error)
{
	size_t rows = 0, windows = 0, sums = 0, depth = 0;
	for (size_t i = 0; i < lowering->count; i++) {
		const struct conv_low *low = &lowering->convs[i];
		rows = size_max(rows, low->rows);
		depth = size_max(depth, low->linear.k);
		windows = size_max(windows, low->rows * low->linear.k);
		sums = size_max(sums, low->rows * low->linear.n);
	}
	size_t each = arena_size_of(windows) + arena_size_of(sums) + low_rows_scratch(rows, depth);
	lowering->slots = memory_new(threads, sizeof *lowering->slots);
	if (lowering->slots == NULL)
		return error_memory(error);
	lowering->slot_count = threads;
	clipcls_status status = arena_init(&lowering->arena, threads * each, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < threads; i++) {
		struct conv_slot *slot = &lowering->slots[i];
		slot->windows = arena_floats(&lowering->arena, windows);
		slot->sums = arena_floats(&lowering->arena, sums);
		slot->rows = low_rows_take(&lowering->arena, type, rows, depth);
	}
	return status;
}

static clipcls_status lower_all(struct conv_lowering *lowering, const struct conv_place *places,
                                enum low_type type, struct pool *pool, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; status == CLIPCLS_OK && i < lowering->count; i++)
		status = lower(&lowering->convs[i], &places[i], type, pool, error);
	if (status == CLIPCLS_OK)
		status = set_up_slots(lowering, type, pool_threads(pool), error);
	for (size_t i = 0; status == CLIPCLS_OK && i < lowering->count; i++) {
		lowering->convs[i].lowering = lowering;
		lowering->convs[i].conv->low = &lowering->convs[i];
	}
	return status;
}

clipcls_status conv_lowering_new(struct conv_lowering **out, enum low_type type,
                                 const struct conv_place *places, size_t count, struct pool *pool,
                                 clipcls_error *error)
{
	*out = NULL;
	struct conv_lowering *lowering = memory_new(1, sizeof *lowering);
	if (lowering == NULL)
		return error_memory(error);
	lowering->convs = memory_new(count, sizeof *lowering->convs);
	lowering->count = lowering->convs != NULL ? count : 0;
	clipcls_status status = lowering->convs == NULL
	                            ? error_memory(error)
	                            : lower_all(lowering, places, type, pool, error);
	if (status == CLIPCLS_OK)
		*out = lowering;
	else
		conv_lowering_free(lowering);
	return status;
}

void conv_lowering_free(struct conv_lowering *lowering)
{
	if (lowering == NULL)
		return;
	for (size_t i = 0; i < lowering->count; i++) {
		if (lowering->convs[i].conv != NULL) /* it came so far */
			lowering->convs[i].conv->low = NULL;
		low_weights_free(lowering->convs[i].weights);
	}
	free(lowering->convs);
	free(lowering->slots);
	arena_free(&lowering->arena);
	free(lowering);
}

/* ---- products ------------------------------------------------------------------------------- */

/* There are enough for all threads: taking waits for nothing. */
static struct conv_slot *take(struct conv_lowering *lowering)
{
	for (size_t i = 0;; i = i + 1 < lowering->slot_count ? i + 1 : 0) {
		struct conv_slot *slot = &lowering->slots[i];
		if (taken_try(&slot->taken))
			return slot;
	}
}

struct low_conv_job {
	const struct maps *out, *x, *residual;
	const struct conv *conv;
};

/* out: (K*K*I), what the window sees for one pixel. */
static void copy_window(float *out, const float *seen, const struct conv *conv, size_t row_stride)
{
	size_t row = conv->window.kernel * conv->in;
	for (size_t down = 0; down < conv->window.kernel; down++)
		memcpy(out + down * row, seen + down * row_stride, row * sizeof *out);
}

static void run_tile(void *context, size_t task, size_t worker)
{
	const struct low_conv_job *job = context;
	const struct conv *conv = job->conv;
	const struct conv_low *low = conv->low;
	size_t K = low->linear.k, width = job->out->width;
	size_t tiles = job->out->height * width / low->rows;
	struct conv_slot *slot = take(low->lowering);
	struct conv_tile tile = { .sums = slot->sums,
		                      .picture = task / tiles,
		                      .first = task % tiles * low->rows,
		                      .pixels = low->rows,
		                      .columns = conv->out };
	(void)worker;
	for (size_t i = 0; i < low->rows; i++) {
		size_t y = (tile.first + i) / width, x = (tile.first + i) % width;
		copy_window(slot->windows + i * K, maps_seen(job->x, &conv->window, tile.picture, y, x),
		            conv, maps_pitch(job->x) * conv->in);
	}
	low_rows_fill(&slot->rows, slot->windows, low->rows, K, NULL);
	low_apply(slot->sums, &slot->rows, (struct row_tiles){ 1, low->rows }, &low->linear, LINEAR_SET,
	          NULL);
	conv_finish(job->out, &tile, conv, job->residual);
	taken_give(&slot->taken);
}

void conv_low_apply(const struct maps *out, const struct maps *x, const struct conv *conv,
                    const struct maps *residual, struct pool *pool)
{
	struct low_conv_job job = { out, x, residual, conv };
	size_t tiles = out->height * out->width / conv->low->rows;
	pool_run(pool, out->n * tiles, run_tile, &job);
}
