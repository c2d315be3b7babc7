#include "nn/depthwise.h"

#include "base/checked.h"
#include "base/vector.h"
#include "nn/math_inline.h"
#include "nn/ops.h"

#include <assert.h>
#include <string.h>

/* Vectors never cross a call: everything that takes or gives one is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINED static inline __attribute__((always_inline))

/* Channels that go together, and pixels of a row: their sums are in registers over all taps. The
 * last channels go together with some before them, which come out the same twice. */
#define LANES 16
#define PIXELS 4
#define MAX_TAPS 25
/* Floats of input that a task goes through once for every LANES channels: they stay in the
 * second-level cache. */
#define BAND_FLOATS (size_t)(192 * 1024)

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

bool depthwise_floats(size_t *out, const struct depthwise *depthwise)
{
	size_t taps;
	return size_mul(depthwise->window.kernel, depthwise->window.kernel, &taps) &&
	       size_add(taps, 1, &taps) && size_mul(taps, depthwise->channels, out);
}

void depthwise_fold(struct depthwise *depthwise, float *memory, const float *weight,
                    const float *bias, const struct batch_norm *norm)
{
	size_t C = depthwise->channels, taps = depthwise->window.kernel * depthwise->window.kernel;
	for (size_t channel = 0; channel < C; channel++) {
		struct fold fold = batch_norm_fold(norm, bias, channel);
		for (size_t tap = 0; tap < taps; tap++)
			memory[tap * C + channel] = (float)(weight[channel * taps + tap] * fold.scale);
		memory[taps * C + channel] = (float)fold.shift;
	}
	depthwise->weight = memory;
	depthwise->bias = memory + taps * C;
}

INLINED lanes load(const float *x)
{
	lanes value;
	memcpy(&value, x, sizeof value);
	return value;
}

/* A row of output of LANES channels. x: what the window sees first. */
struct row {
	float *out;
	const float *x;
	const lanes *weight; /* (K*K) */
	lanes bias;
	size_t width, channels; /* channels: floats from pixel to pixel, in x and out */
	size_t stride, x_row;   /* pixels; floats from row to row */
	enum activation activation;
};

/* `pixels` pixels from `first` on. pixels and K are constants where this is inlined. */
INLINED void add_taps(const struct row *row, size_t first, size_t pixels, size_t K, bool silu)
{
	lanes sums[PIXELS];
	const float *x = row->x + first * row->stride * row->channels;
	float *out = row->out + first * row->channels, done[PIXELS * LANES];
	for (size_t pixel = 0; pixel < pixels; pixel++)
		sums[pixel] = row->bias;
	for (size_t down = 0; down < K; down++) {
		for (size_t right = 0; right < K; right++) {
			const float *seen = x + down * row->x_row + right * row->channels;
			lanes weight = row->weight[down * K + right];
			for (size_t pixel = 0; pixel < pixels; pixel++)
				sums[pixel] += load(seen + pixel * row->stride * row->channels) * weight;
		}
	}
	memcpy(done, sums, pixels * sizeof *sums);
	for (size_t i = 0; silu && i < pixels * LANES; i++)
		done[i] = silu_inline(done[i]);
	for (size_t pixel = 0; pixel < pixels; pixel++)
		memcpy(out + pixel * row->channels, done + pixel * LANES, sizeof *sums);
}

INLINED void run_row(const struct row *row, size_t K, bool silu)
{
	size_t x = 0;
	for (; x + PIXELS <= row->width; x += PIXELS)
		add_taps(row, x, PIXELS, K, silu);
	for (; x < row->width; x++)
		add_taps(row, x, 1, K, silu);
}

/* One function for each kernel size, so that its taps are unrolled. */
#define ROW(NAME, K)                                         \
	VECTOR_CLONES                                            \
	static void NAME(const struct row *row)                  \
	{                                                        \
		run_row(row, K, row->activation == ACTIVATION_SILU); \
	}
ROW(row_3, 3)
ROW(row_5, 5)

struct depthwise_job {
	const struct maps *out, *x;
	const struct depthwise *depthwise;
	size_t bands, band; /* of a picture; rows of output in each */
};

/* Channels [first, first + LANES) of the rows [y, end). */
static void run_lanes(const struct depthwise_job *job, size_t picture, size_t y, size_t end,
                      size_t first)
{
	const struct depthwise *depthwise = job->depthwise;
	const struct window *window = &depthwise->window;
	size_t taps = window->kernel * window->kernel;
	lanes weight[MAX_TAPS];
	struct row row = { .weight = weight,
		               .width = job->out->width,
		               .channels = depthwise->channels,
		               .stride = window->stride,
		               .x_row = maps_pitch(job->x) * depthwise->channels,
		               .activation = depthwise->activation };
	memcpy(&row.bias, depthwise->bias + first, sizeof row.bias);
	for (size_t tap = 0; tap < taps; tap++)
		memcpy(&weight[tap], depthwise->weight + tap * depthwise->channels + first,
		       sizeof weight[tap]);
	for (; y < end; y++) {
		row.out = maps_pixel(job->out, picture, y, 0) + first;
		row.x = maps_seen(job->x, window, picture, y, 0) + first;
		(window->kernel == 3 ? row_3 : row_5)(&row);
		if (depthwise->activation != ACTIVATION_SILU)
			activate(row.out, depthwise->activation, row.width, LANES, row.channels);
	}
}

/* Fewer channels than go together: one by one. */
static void run_narrow(const struct depthwise_job *job, size_t picture, size_t y)
{
	const struct depthwise *depthwise = job->depthwise;
	const struct window *window = &depthwise->window;
	size_t C = depthwise->channels, pitch = maps_pitch(job->x), K = window->kernel;
	float *out = maps_pixel(job->out, picture, y, 0);
	for (size_t i = 0; i < job->out->width * C; i++) {
		const float *seen = maps_seen(job->x, window, picture, y, i / C) + i % C;
		out[i] = depthwise->bias[i % C];
		for (size_t tap = 0; tap < K * K; tap++)
			out[i] += seen[(tap / K * pitch + tap % K) * C] * depthwise->weight[tap * C + i % C];
	}
	activate(out, depthwise->activation, job->out->width, C, C);
}

static void run_band(void *context, size_t task, size_t worker)
{
	const struct depthwise_job *job = context;
	size_t y = task % job->bands * job->band, end = size_min(y + job->band, job->out->height);
	size_t C = job->depthwise->channels;
	(void)worker;
	for (; C < LANES && y < end; y++)
		run_narrow(job, task / job->bands, y);
	for (size_t channel = 0; y < end && channel < C; channel += LANES)
		run_lanes(job, task / job->bands, y, end, size_min(channel, C - LANES));
}

void depthwise_apply(const struct maps *out, const struct maps *x,
                     const struct depthwise *depthwise, struct pool *pool)
{
	size_t row = maps_pitch(x) * depthwise->channels * depthwise->window.stride;
	struct depthwise_job job = { .out = out, .x = x, .depthwise = depthwise };
	job.band = size_min(out->height, size_max(1, BAND_FLOATS / row));
	job.bands = (out->height + job.band - 1) / job.band;
	assert(maps_framed(x, &depthwise->window));
	assert(depthwise->window.kernel == 3 || depthwise->window.kernel == 5);
	pool_run(pool, x->n * job.bands, run_band, &job);
}
