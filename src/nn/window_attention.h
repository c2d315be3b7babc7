/* Multi-head attention within windows of a picture, with a bias for every relative position:
 * softmax(q kᵀ / sqrt(Dh) + bias) v. Liu et al. 2021, section 3.2; timm's swin_transformer.py. */
#ifndef CLIPCLS_NN_WINDOW_ATTENTION_H
#define CLIPCLS_NN_WINDOW_ATTENTION_H

#include "base/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* w patches a side of a window, T = w*w tokens of it, Tp = T rounded up to whole vectors: the
 * floats from one row of scores to the next. H heads, D width, Dh = D/H. */
size_t window_pitch(size_t w);

/* map: (side * side) = the patch of the picture at each token, window after window. `shift` moves
 * the windows down and to the right; what is beyond the picture's edge comes from its other one.
 * w divides side. */
void window_map_fill(uint32_t *map, size_t side, size_t w, size_t shift);

/* bias: (H, T, Tp) from table: ((2w-1)*(2w-1), H). */
void window_bias_fill(float *bias, const float *table, size_t w, size_t H);

/* What keeps apart the patches that a shift brought together: (WINDOW_MASKS, T, Tp), for windows at
 * the right edge, at the lower one, and at both. */
#define WINDOW_MASKS 3
void window_masks_fill(float *masks, size_t w, size_t shift);

struct window_attention {
	const float *bias;       /* (H, T, Tp) */
	const float *masks;      /* NULL = windows that are not shifted */
	size_t window, per_side; /* w, and windows in a row of a picture */
	size_t D, H;
};

/* out, q, k, v: (count*T, D), the windows [first, first + count) of pictures one behind the other.
 * scratch: window_attention_scratch() floats. Heads are shared out over `pool` (may be NULL). */
void window_attention(float *out, const float *q, const float *k, const float *v, size_t first,
                      size_t count, const struct window_attention *attention, float *scratch,
                      struct pool *pool);
/* Floats of scratch for a pool of `threads`. */
size_t window_attention_scratch(size_t w, size_t Dh, size_t threads);

#endif
