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

/* Channels that go together, and pixels of a row: their sums are in registers over all taps. */
#define LANES 16
#define PIXELS 4
/* Floats of weight and bias that stay in the first-level cache along a row: so many channels go
 * together from pixel to pixel, and memory is read and written in long stretches, which the
 * processor fetches ahead. */
#define RESIDENT (size_t)(4 * 1024)
/* Floats of input of a task, about: they stay in the second-level cache, for what is seen of them
 * from the next row. */
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

/* A row of output, some groups of LANES channels of it. x: what the window sees first. */
struct row {
	float *out;
	const float *x;
	const lanes *weights; /* (groups, 1 + K*K): the bias, then the taps */
	size_t groups, shift; /* the last group ends where the channels end: `shift` before its place */
	size_t width, stride; /* pixels */
	size_t out_pixel, x_pixel, x_row; /* floats from pixel to pixel, from row to row */
};

/* `pixels` pixels next to each other of one group. pixels, K and silu are constants where this is
 * inlined. */
INLINED void add_taps(const struct row *row, float *out, const float *x, const lanes *weights,
                      size_t pixels, size_t K, bool silu)
{
	lanes sums[PIXELS];
	float done[PIXELS * LANES];
	for (size_t i = 0; i < pixels; i++)
		sums[i] = weights[0];
	for (size_t down = 0; down < K; down++)
		for (size_t right = 0; right < K; right++)
			for (size_t i = 0; i < pixels; i++)
				sums[i] += load(x + down * row->x_row + (i * row->stride + right) * row->x_pixel) *
				           weights[1 + down * K + right];
	memcpy(done, sums, pixels * sizeof *sums);
	for (size_t i = 0; silu && i < pixels * LANES; i++)
		done[i] = silu_inline(done[i]);
	for (size_t i = 0; i < pixels; i++)
		memcpy(out + i * row->out_pixel, done + i * LANES, sizeof *sums);
}

INLINED void run_row(const struct row *row, size_t K, bool silu)
{
	for (size_t pixel = 0; pixel < row->width;) {
		bool several = pixel + PIXELS <= row->width;
		for (size_t group = 0; group < row->groups; group++) {
			size_t channel = group * LANES - (group + 1 == row->groups ? row->shift : 0);
			const lanes *weights = row->weights + group * (1 + K * K);
			const float *x = row->x + pixel * row->stride * row->x_pixel + channel;
			float *out = row->out + pixel * row->out_pixel + channel;
			if (several)
				add_taps(row, out, x, weights, PIXELS, K, silu);
			else
				add_taps(row, out, x, weights, 1, K, silu);
		}
		pixel += several ? PIXELS : 1;
	}
}

/* One function for each kernel size and activation: what is constant is unrolled. */
#define ROW(NAME, K, SILU)                  \
	VECTOR_CLONES                           \
	static void NAME(const struct row *row) \
	{                                       \
		run_row(row, K, SILU);              \
	}
ROW(row_3, 3, false)
ROW(row_5, 5, false)
ROW(row_3_silu, 3, true)
ROW(row_5_silu, 5, true)

struct depthwise_job {
	const struct maps *out, *x;
	const struct depthwise *depthwise;
	size_t bands, band; /* of a picture; rows of output in each */
	size_t groups;      /* that go together */
	void (*run_row)(const struct row *row);
};

/* weights: (groups, 1 + K*K) = those of the channels [first, first + groups * LANES), the last of
 * them `shift` before. */
static void pack(lanes *weights, const struct depthwise *depthwise, size_t first, size_t groups,
                 size_t shift)
{
	size_t taps = depthwise->window.kernel * depthwise->window.kernel;
	for (size_t group = 0; group < groups; group++, weights += 1 + taps) {
		size_t channel = first + group * LANES - (group + 1 == groups ? shift : 0);
		memcpy(weights, depthwise->bias + channel, sizeof *weights);
		for (size_t tap = 0; tap < taps; tap++)
			memcpy(weights + 1 + tap, depthwise->weight + tap * depthwise->channels + channel,
			       sizeof *weights);
	}
}

/* The rows [y, end), the channels from `first` on that go together. */
static void run_groups(const struct depthwise_job *job, size_t picture, size_t y, size_t end,
                       size_t first)
{
	const struct depthwise *depthwise = job->depthwise;
	lanes weights[RESIDENT / LANES];
	size_t C = depthwise->channels, left = (C - first + LANES - 1) / LANES;
	struct row row = { .weights = weights,
		               .groups = size_min(job->groups, left),
		               .width = job->out->width,
		               .stride = depthwise->window.stride,
		               .out_pixel = C,
		               .x_pixel = C,
		               .x_row = maps_pitch(job->x) * C };
	row.shift = left <= job->groups ? left * LANES - (C - first) : 0;
	pack(weights, depthwise, first, row.groups, row.shift);
	for (; y < end; y++) {
		row.out = maps_pixel(job->out, picture, y, 0) + first;
		row.x = maps_seen(job->x, &depthwise->window, picture, y, 0) + first;
		job->run_row(&row);
		if (depthwise->activation != ACTIVATION_SILU)
			activate(row.out - (row.groups == 1 ? row.shift : 0), depthwise->activation, row.width,
			         row.groups * LANES - (row.groups == 1 ? 0 : row.shift), C);
	}
}

/* Fewer channels than go together: one by one. */
static void run_narrow(const struct depthwise_job *job, size_t picture, size_t y)
{
	const struct depthwise *depthwise = job->depthwise;
	size_t C = depthwise->channels, pitch = maps_pitch(job->x), K = depthwise->window.kernel;
	float *out = maps_pixel(job->out, picture, y, 0);
	for (size_t i = 0; i < job->out->width * C; i++) {
		const float *x = maps_seen(job->x, &depthwise->window, picture, y, i / C) + i % C;
		out[i] = depthwise->bias[i % C];
		for (size_t tap = 0; tap < K * K; tap++)
			out[i] += x[(tap / K * pitch + tap % K) * C] * depthwise->weight[tap * C + i % C];
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
	for (size_t first = 0; y < end && first < C; first += job->groups * LANES)
		run_groups(job, task / job->bands, y, end, first);
}

void depthwise_apply(const struct maps *out, const struct maps *x,
                     const struct depthwise *depthwise, struct pool *pool)
{
	size_t K = depthwise->window.kernel, most = RESIDENT / ((1 + K * K) * LANES);
	size_t row = maps_pitch(x) * depthwise->channels * depthwise->window.stride;
	size_t groups = (depthwise->channels + LANES - 1) / LANES, parts = (groups + most - 1) / most;
	bool silu = depthwise->activation == ACTIVATION_SILU;
	struct depthwise_job job = { .out = out, .x = x, .depthwise = depthwise };
	job.band = size_min(out->height, size_max(1, BAND_FLOATS / row));
	job.bands = (out->height + job.band - 1) / job.band;
	job.groups = (groups + parts - 1) / parts;
	assert(maps_framed(x, &depthwise->window) && (K == 3 || K == 5));
	if (K == 3)
		job.run_row = silu ? row_3_silu : row_3;
	else
		job.run_row = silu ? row_5_silu : row_5;
	pool_run(pool, x->n * job.bands, run_band, &job);
}
