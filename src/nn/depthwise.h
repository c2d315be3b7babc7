/* Depthwise convolutions: every channel by itself. */
#ifndef CLIPCLS_NN_DEPTHWISE_H
#define CLIPCLS_NN_DEPTHWISE_H

#include "nn/conv.h"

/* C channels, K kernel size, 3 or 5. */
struct depthwise {
	size_t channels;
	struct window window;
	enum activation activation;
	const float *weight; /* (K*K, C) */
	const float *bias;   /* (C) */
};

/* Floats of memory that depthwise_fold fills; false when that overflows. */
bool depthwise_floats(size_t *out, const struct depthwise *depthwise);
/* Fills `memory` and points weight and bias there.
 * weight: (C, 1, K, K) as checkpoints have it.   bias, norm: as for conv_fold. */
void depthwise_fold(struct depthwise *depthwise, float *memory, const float *weight,
                    const float *bias, const struct batch_norm *norm);

/* out = activation(convolution of x + bias); out as maps_windowed has it, its frame is left
 * alone. x's frame is at least the padding. x and out are not the same memory. A picture's result
 * depends on that picture alone, to the last bit. */
void depthwise_apply(const struct maps *out, const struct maps *x,
                     const struct depthwise *depthwise, struct pool *pool);
/* The same of x's channels alone, of which the first is channel `channel` of out. */
void depthwise_apply_from(const struct maps *out, const struct maps *x,
                          const struct depthwise *depthwise, size_t channel, struct pool *pool);

#endif
