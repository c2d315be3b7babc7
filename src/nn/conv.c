#include "nn/conv.h"

#include "base/checked.h"
#include "nn/blas.h"
#include "nn/blocked.h"
#include "nn/conv_finish.h"
#include "nn/conv_low.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Outputs of a panel, at most. Panels are as wide as each other where they can be, so that 80
 * outputs are 48 and 32 and not 64 and 16; kernels are equally fast from 16 on. */
#define PANEL 64
/* Panels are cut at multiples of it: whole vectors, and cache lines. */
#define PANEL_STEP 16
/* Pixels of a tile, at most: its sums, 16 KB, stay in the first-level cache until they are
 * finished. */
#define TILE 64
/* Depth of one kernel call, over its taps: as in blocked_xsmm.c, 256 KB of weight stay in the
 * second-level cache while the kernel goes through it once for every few pixels. */
#define DEPTH 1024
/* Floats of weight that stay in the second-level cache, with a tile's input beside them: up to here
 * a tile takes its turn with all panels, beyond it a panel with all tiles. */
#define RESIDENT_WEIGHT (size_t)(96 * 1024)

static size_t panel_width(size_t out)
{
	size_t panels = (out + PANEL - 1) / PANEL;
	return size_round_up((out + panels - 1) / panels, PANEL_STEP);
}

bool conv_floats(size_t *out, const struct conv *conv)
{
	size_t taps, bias;
	return size_mul(conv->window.kernel, conv->window.kernel, &taps) &&
	       size_mul(taps, conv->in, out) && size_mul(*out, conv->out, out) &&
	       size_add(conv->out, PANEL_STEP - 1, &bias) && size_add(*out, bias, out);
}

struct fold batch_norm_fold(const struct batch_norm *norm, const float *bias, size_t channel)
{
	struct fold fold = { 1, bias != NULL ? bias[channel] : 0 };
	if (norm != NULL) {
		fold.scale = norm->weight[channel] / sqrt(norm->variance[channel] + norm->eps);
		fold.shift = (fold.shift - norm->mean[channel]) * fold.scale + norm->bias[channel];
	}
	return fold;
}

struct fold_job {
	const struct conv *conv;
	float *panels, *folded_bias;
	const float *weight, *bias;
	const struct batch_norm *norm;
};

/* One output channel. */
static void fold_channel(void *context, size_t channel, size_t worker)
{
	const struct fold_job *job = context;
	const struct conv *conv = job->conv;
	size_t taps = conv->window.kernel * conv->window.kernel, width = panel_width(conv->out);
	size_t first = channel / width * width, columns = size_min(width, conv->out - first);
	float *panel = job->panels + first * conv->in * taps + (channel - first);
	const float *weight = job->weight + channel * conv->in * taps;
	struct fold fold = batch_norm_fold(job->norm, job->bias, channel);
	(void)worker;
	job->folded_bias[channel] = (float)fold.shift;
	for (size_t in = 0; in < conv->in; in++)
		for (size_t tap = 0; tap < taps; tap++)
			panel[(tap * conv->in + in) * columns] = (float)(weight[in * taps + tap] * fold.scale);
}

void conv_fold(struct conv *conv, float *memory, const float *weight, const float *bias,
               const struct batch_norm *norm, struct pool *pool)
{
	/* The bias first, so that panels keep the alignment of `memory`. */
	float *panels = memory + size_round_up(conv->out, PANEL_STEP);
	struct fold_job job = { conv, panels, memory, weight, bias, norm };
	pool_run(pool, conv->out, fold_channel, &job);
	conv->weight = panels;
	conv->bias = memory;
}

void conv_unfold(float *out, const struct conv *conv)
{
	size_t K = conv_depth(conv), width = panel_width(conv->out);
	for (size_t channel = 0; channel < conv->out; channel++) {
		size_t first = channel / width * width, columns = size_min(width, conv->out - first);
		const float *panel = conv->weight + first * K + (channel - first);
		for (size_t i = 0; i < K; i++)
			out[channel * K + i] = panel[i * columns];
	}
}

/* How a picture's pixels are cut into tiles: always at the same places, so that a pixel's sums are
 * in the same order whatever else there is. A line is a row of pixels, or, where the input has no
 * gaps between rows and no taps, the whole picture. A tile is a part of a line or several lines. */
struct tiling {
	size_t pixels, line;       /* of a picture, of a line */
	size_t segments, segment;  /* tiles of a line, pixels of each but the last; 1 where lines fit */
	size_t tiles, tile_pixels; /* of a picture, of each but the last (where lines fit) */
};

struct conv_job {
	const struct maps *out, *x, *residual;
	const struct conv *conv;
	struct tiling tiling;
	size_t panels;
	bool panel_first; /* the order of tasks: a panel with all tiles, or a tile with all panels */
};

static struct tiling cut(const struct maps *out, const struct maps *x, const struct conv *conv)
{
	size_t pixels = out->height * out->width;
	bool gapless = conv->window.kernel == 1 && maps_pitch(x) == out->width;
	struct tiling tiling = { .pixels = pixels, .line = gapless ? pixels : out->width };
	size_t lines = pixels / tiling.line;
	tiling.segments = (tiling.line + TILE - 1) / TILE;
	if (tiling.segments > 1) {
		tiling.segment = (tiling.line + tiling.segments - 1) / tiling.segments;
		tiling.tiles = lines * tiling.segments;
	} else {
		size_t most = TILE / tiling.line;
		tiling.tiles = (lines + most - 1) / most;
		tiling.tile_pixels = (lines + tiling.tiles - 1) / tiling.tiles * tiling.line;
		/* Fewer tiles may do when each has its share. */
		tiling.tiles = (pixels + tiling.tile_pixels - 1) / tiling.tile_pixels;
	}
	return tiling;
}

/* The pixels [*first, *first + returned) of a picture that are tile `tile`. */
static size_t tile_pixels(const struct tiling *tiling, size_t tile, size_t *first)
{
	if (tiling->segments == 1) {
		*first = tile * tiling->tile_pixels;
		return size_min(tiling->tile_pixels, tiling->pixels - *first);
	}
	size_t skipped = tile % tiling->segments * tiling->segment;
	*first = tile / tiling->segments * tiling->line + skipped;
	return size_min(tiling->segment, tiling->line - skipped);
}

/* The taps one by one, by the BLAS. */
static void multiply_taps(const struct tap_product *p)
{
	for (size_t tap = 0; tap < p->taps; tap++) {
		struct blas_product product = {
			.m = p->rows,
			.n = p->columns,
			.k = p->depth,
			.a = p->x + p->x_offsets[tap],
			.a_stride = p->x_stride,
			.b = p->weight + p->weight_offsets[tap],
			.b_stride = p->columns,
			.c = p->out,
			.c_stride = p->columns,
			.accumulate = p->accumulate || tap > 0,
		};
		blas_multiply(&product);
	}
}

/* `taps` taps from `tap` on, of the input channels [in, in + depth). */
static void add_taps(const struct conv_tile *tile, const struct conv_job *job, size_t tap,
                     size_t taps, size_t in, size_t depth)
{
	const struct conv *conv = job->conv;
	const struct maps *x = job->x;
	size_t x_offsets[BLOCKED_TAPS], weight_offsets[BLOCKED_TAPS];
	size_t width = job->out->width, line = job->tiling.line;
	for (size_t i = 0; i < taps; i++) {
		size_t down = (tap + i) / conv->window.kernel, right = (tap + i) % conv->window.kernel;
		x_offsets[i] = (down * maps_pitch(x) + right) * conv->in;
		weight_offsets[i] = i * conv->in * tile->columns;
	}
	struct tap_product product = {
		.x_stride = conv->window.stride * conv->in,
		.weight = conv->weight +
		          tile->column * conv->window.kernel * conv->window.kernel * conv->in +
		          (tap * conv->in + in) * tile->columns,
		.x_offsets = x_offsets,
		.weight_offsets = weight_offsets,
		.columns = tile->columns,
		.depth = depth,
		.taps = taps,
		.accumulate = tap > 0 || in > 0,
	};
	for (size_t done = 0; done < tile->pixels; done += product.rows) {
		size_t pixel = tile->first + done;
		product.rows = conv_run(pixel, tile->pixels - done, line);
		product.out = tile->sums + done * tile->columns;
		product.x = maps_seen(x, &conv->window, tile->picture, pixel / width, pixel % width) + in;
		if (!blocked_taps(&product))
			multiply_taps(&product);
	}
}

static void multiply_tile(const struct conv_tile *tile, const struct conv_job *job)
{
	const struct conv *conv = job->conv;
	size_t pieces = (conv->in + DEPTH - 1) / DEPTH, depth = (conv->in + pieces - 1) / pieces;
	size_t taps = conv->window.kernel * conv->window.kernel;
	size_t group = size_min(BLOCKED_TAPS, size_max(1, DEPTH / conv->in)), groups;
	groups = (taps + group - 1) / group;
	group = (taps + groups - 1) / groups;
	for (size_t in = 0; in < conv->in; in += depth)
		for (size_t tap = 0; tap < taps; tap += group)
			add_taps(tile, job, tap, size_min(group, taps - tap), in,
			         size_min(depth, conv->in - in));
}

static void run_tile(void *context, size_t task, size_t worker)
{
	const struct conv_job *job = context;
	_Alignas(64) float sums[TILE * PANEL];
	size_t tiles = job->x->n * job->tiling.tiles, width = panel_width(job->conv->out);
	size_t place = job->panel_first ? task % tiles : task / job->panels;
	size_t panel = job->panel_first ? task / tiles : task % job->panels;
	struct conv_tile tile = {
		.sums = sums,
		.picture = place / job->tiling.tiles,
		.column = panel * width,
		.columns = size_min(width, job->conv->out - panel * width),
	};
	(void)worker;
	tile.pixels = tile_pixels(&job->tiling, place % job->tiling.tiles, &tile.first);
	multiply_tile(&tile, job);
	conv_finish(job->out, &tile, job->conv, job->residual);
}

void conv_apply(const struct maps *out, const struct maps *x, const struct conv *conv,
                const struct maps *residual, struct pool *pool)
{
	assert(maps_framed(x, &conv->window));
	if (conv->low != NULL) {
		conv_low_apply(out, x, conv, residual, pool);
		return;
	}
	size_t width = panel_width(conv->out);
	struct conv_job job = {
		.out = out,
		.x = x,
		.residual = residual,
		.conv = conv,
		.tiling = cut(out, x, conv),
		.panels = (conv->out + width - 1) / width,
		.panel_first = conv->out * conv_depth(conv) > RESIDENT_WEIGHT,
	};
	pool_run(pool, job.panels * x->n * job.tiling.tiles, run_tile, &job);
}
