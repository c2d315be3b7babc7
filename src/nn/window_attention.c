#include "nn/window_attention.h"

#include "base/arena.h"
#include "base/checked.h"
#include "base/vector.h"
#include "nn/blas.h"
#include "nn/blocked.h"
#include "nn/math_inline.h"
#include "nn/transpose.h"

#include <math.h>
#include <string.h>

/* Of a score between a window's end and its row's: exp of it vanishes beside any other. */
#define PADDING (-1e30f)
/* timm's; exp of it vanishes, too. */
#define MASKED (-100.0f)

enum { RIGHT = 1, LOWER = 2 };

size_t window_pitch(size_t w)
{
	return size_round_up(w * w, VECTOR_LANES);
}

void window_map_fill(uint32_t *map, size_t side, size_t w, size_t shift)
{
	for (size_t top = 0; top < side; top += w)
		for (size_t left = 0; left < side; left += w)
			for (size_t token = 0; token < w * w; token++) {
				size_t y = (top + token / w + shift) % side, x = (left + token % w + shift) % side;
				*map++ = (uint32_t)(y * side + x);
			}
}

void window_bias_fill(float *bias, const float *table, size_t w, size_t H)
{
	size_t T = w * w, pitch = window_pitch(w);
	for (size_t head = 0; head < H; head++)
		for (size_t i = 0; i < T; i++, bias += pitch)
			for (size_t j = 0; j < pitch; j++) {
				size_t y = i / w + w - 1 - j / w, x = i % w + w - 1 - j % w;
				bias[j] = j < T ? table[(y * (2 * w - 1) + x) * H + head] : PADDING;
			}
}

void window_masks_fill(float *masks, size_t w, size_t shift)
{
	size_t T = w * w, pitch = window_pitch(w), whole = w - shift;
	for (unsigned edges = 1; edges <= WINDOW_MASKS; edges++)
		for (size_t i = 0; i < T; i++, masks += pitch)
			for (size_t j = 0; j < pitch; j++) {
				bool beside = (i % w < whole) != (j % w < whole);
				bool below = (i / w < whole) != (j / w < whole);
				bool apart = ((edges & RIGHT) && beside) || ((edges & LOWER) && below);
				masks[j] = j < T && apart ? MASKED : 0;
			}
}

/* x: (T, pitch) = softmax(scale * x + bias + mask) per row, all of the same shape; mask may be
 * NULL. */
VECTOR_CLONES
static void softmax_window(float *x, const float *bias, const float *mask, size_t T, size_t pitch,
                           float scale)
{
	for (size_t row = 0; row < T; row++, x += pitch, bias += pitch) {
		float most[VECTOR_LANES], sums[VECTOR_LANES] = { 0 }, max, sum = 0;
		for (size_t i = 0; i < pitch; i++)
			x[i] = x[i] * scale + bias[i];
		for (size_t i = 0; mask != NULL && i < pitch; i++)
			x[i] += mask[row * pitch + i];
		for (size_t l = 0; l < VECTOR_LANES; l++)
			most[l] = x[l];
		for (size_t i = VECTOR_LANES; i < pitch; i += VECTOR_LANES)
			for (size_t l = 0; l < VECTOR_LANES; l++)
				most[l] = x[i + l] > most[l] ? x[i + l] : most[l];
		max = most[0];
		for (size_t l = 1; l < VECTOR_LANES; l++)
			max = most[l] > max ? most[l] : max;
		for (size_t i = 0; i < pitch; i += VECTOR_LANES)
			for (size_t l = 0; l < VECTOR_LANES; l++) {
				x[i + l] = exp_approx(x[i + l] - max);
				sums[l] += x[i + l];
			}
		for (size_t l = 0; l < VECTOR_LANES; l++)
			sum += sums[l];
		for (size_t i = 0; i < pitch; i++)
			x[i] *= 1.0f / sum;
	}
}

struct window_job {
	float *out;
	const float *q, *k, *v;
	size_t first, count;
	const struct window_attention *attention;
	float *scratch;
	size_t scratch_stride; /* floats of one worker */
};

/* One head's scores (T, Tp) and its keys (Dh, Tp). */
static size_t scratch_of_worker(size_t w, size_t Dh)
{
	return arena_size_of((w * w + Dh) * window_pitch(w));
}

size_t window_attention_scratch(size_t w, size_t Dh, size_t threads)
{
	return scratch_of_worker(w, Dh) * threads;
}

/* NULL for a window that no shift has put together. */
static const float *mask_of(const struct window_attention *attention, size_t window)
{
	size_t side = attention->per_side, T = attention->window * attention->window;
	unsigned edges =
	    (window % side == side - 1 ? RIGHT : 0u) | (window / side % side == side - 1 ? LOWER : 0u);
	if (attention->masks == NULL || edges == 0)
		return NULL;
	return attention->masks + (edges - 1) * T * window_pitch(attention->window);
}

static void multiply(const struct blas_product *product)
{
	if (!blocked_small_product(product))
		blas_multiply(product);
}

/* One head of one window, `window` of the job's. scratch: beyond T, the columns of the keys hold
 * zeros. */
static void attend(const struct window_job *job, size_t window, size_t head, float *scratch)
{
	const struct window_attention *attention = job->attention;
	size_t D = attention->D, Dh = D / attention->H, w = attention->window, T = w * w;
	size_t pitch = window_pitch(w), at = window * T * D + head * Dh;
	float *scores = scratch, *keys = scratch + T * pitch;
	transpose(keys, pitch, job->k + at, D, T, Dh);
	multiply(&(struct blas_product){ .m = T,
	                                 .n = pitch,
	                                 .k = Dh,
	                                 .a = job->q + at,
	                                 .a_stride = D,
	                                 .b = keys,
	                                 .b_stride = pitch,
	                                 .c = scores,
	                                 .c_stride = pitch });
	softmax_window(scores, attention->bias + head * T * pitch,
	               mask_of(attention, job->first + window), T, pitch, 1.0f / sqrtf((float)Dh));
	multiply(&(struct blas_product){ .m = T,
	                                 .n = Dh,
	                                 .k = T,
	                                 .a = scores,
	                                 .a_stride = pitch,
	                                 .b = job->v + at,
	                                 .b_stride = D,
	                                 .c = job->out + at,
	                                 .c_stride = D });
}

static void attend_head(void *context, size_t head, size_t worker)
{
	const struct window_job *job = context;
	const struct window_attention *attention = job->attention;
	size_t T = attention->window * attention->window, pitch = window_pitch(attention->window);
	float *scratch = job->scratch + worker * job->scratch_stride;
	memset(scratch + T * pitch, 0, attention->D / attention->H * pitch * sizeof *scratch);
	for (size_t window = 0; window < job->count; window++)
		attend(job, window, head, scratch);
}

void window_attention(float *out, const float *q, const float *k, const float *v, size_t first,
                      size_t count, const struct window_attention *attention, float *scratch,
                      struct pool *pool)
{
	struct window_job job = { .out = out,
		                      .q = q,
		                      .k = k,
		                      .v = v,
		                      .first = first,
		                      .count = count,
		                      .attention = attention,
		                      .scratch = scratch,
		                      .scratch_stride = scratch_of_worker(attention->window,
		                                                          attention->D / attention->H) };
	pool_run(pool, attention->H, attend_head, &job);
}
