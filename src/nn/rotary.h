/* Rotary positions of a grid of patches: Su et al. 2021 in two dimensions, as EVA-02 has them. */
#ifndef CLIPCLS_NN_ROTARY_H
#define CLIPCLS_NN_ROTARY_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* T tokens of a sequence, the last of which are patches, by rows; Dh width of a head. */
struct rotary {
	size_t tokens, first; /* first: tokens before the patches, which are not rotated */
	size_t head_width;
	float *cosines, *sines; /* (T - first, Dh/2), one memory; NULL = nothing is rotated */
};

/* side: patches a side of the grid, whose distances are scaled to those of a grid of
 * `reference_side`.   head_width: a multiple of 4. The first half of a head's pairs turns by the
 * row of the patch, the second by its column. timm's RotaryEmbeddingCat, in_pixels off. */
clipcls_status rotary_init(struct rotary *out, size_t side, size_t reference_side, size_t first,
                           size_t head_width, clipcls_error *error);
void rotary_free(struct rotary *rotary);

/* x: (rows, H*Dh), in place: turns every pair (2i, 2i+1) of each of the H heads.
 * places: (rows), the place of each row among sequences of T; NULL = its number. */
void rotary_apply(float *x, const struct rotary *rotary, const uint32_t *places, size_t rows,
                  size_t H);

#endif
