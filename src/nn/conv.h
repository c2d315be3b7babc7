/* Convolutions over feature maps, with what follows them: the bias (a batch norm folded into it and
 * the weight), a residual connection, the activation. */
#ifndef CLIPCLS_NN_CONV_H
#define CLIPCLS_NN_CONV_H

#include "model/config.h"
#include "nn/maps.h"

#include <stdbool.h>
#include <stddef.h>

/* O outputs, I inputs, K kernel size (K x K). The weight lies in panels of up to 64 outputs, one
 * behind the other, each (K*K, I, outputs of the panel): every tap of a panel is a matrix. */
struct conv {
	size_t out, in;
	struct window window;
	bool activated;
	enum activation activation;
	const float *weight;        /* O*I*K*K floats in panels */
	const float *bias;          /* (O) */
	const struct conv_low *low; /* in low precision (conv_low.h), or NULL */
};

/* Terms of each of its sums: K*K*I. */
static inline size_t conv_depth(const struct conv *conv)
{
	return conv->window.kernel * conv->window.kernel * conv->in;
}

/* weight, bias, mean, variance: (O).   y = (x - mean) / sqrt(variance + eps) * weight + bias.
 * Ioffe and Szegedy 2015, at inference. */
struct batch_norm {
	const float *weight, *bias, *mean, *variance;
	double eps;
};

/* What a convolution's output is to be multiplied with, and what is to be added behind it. */
struct fold {
	double scale, shift;
};
/* Of output channel `channel`; bias and norm may be NULL. */
struct fold batch_norm_fold(const struct batch_norm *norm, const float *bias, size_t channel);

/* Floats of memory that conv_fold fills; false when that overflows. */
bool conv_floats(size_t *out, const struct conv *conv);
/* Fills `memory` and points conv's weight and bias there.
 * weight: (O, I, K, K) as checkpoints have it.   bias: (O), or NULL for none.   norm: what follows
 * the convolution, or NULL. Weight and bias take it in, computed in double. */
void conv_fold(struct conv *conv, float *memory, const float *weight, const float *bias,
               const struct batch_norm *norm, struct pool *pool);

/* out: (O, K*K*I), what conv_fold made of the weight. */
void conv_unfold(float *out, const struct conv *conv);

/* out = activation(convolution of x + bias + residual); out as maps_windowed has it, its frame is
 * left alone. x's frame is at least conv's padding.   residual: of out's size, any frame, or NULL;
 * may be `out`. x and out are not the same memory. A picture's result depends on that picture
 * alone, to the last bit: not on the other pictures, their number, or the threads of `pool` (may be
 * NULL). */
void conv_apply(const struct maps *out, const struct maps *x, const struct conv *conv,
                const struct maps *residual, struct pool *pool);

#endif
