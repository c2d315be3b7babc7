/* Sums of a convolution on their way into its output. Internal to src/nn. */
#ifndef CLIPCLS_NN_CONV_FINISH_H
#define CLIPCLS_NN_CONV_FINISH_H

#include "base/checked.h"
#include "nn/conv.h"

/* Some pixels of one picture's output, counted row by row, and some of the output's channels. */
struct conv_tile {
	float *sums; /* (pixels, columns), no gaps */
	size_t picture, first, pixels;
	size_t column, columns;
};

/* out's tile = activation(sums + bias + residual), as conv_apply has it. */
void conv_finish(const struct maps *out, const struct conv_tile *tile, const struct conv *conv,
                 const struct maps *residual);

/* Pixels from `pixel` on that lie next to each other, of `left`, in rows of `width`. */
static inline size_t conv_run(size_t pixel, size_t left, size_t width)
{
	return size_min(left, width - pixel % width);
}

#endif
