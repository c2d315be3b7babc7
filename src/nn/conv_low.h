/* Convolutions in low precision (low.h): what a window sees is a row of a linear layer. Internal to
 * src/nn. */
#ifndef CLIPCLS_NN_CONV_LOW_H
#define CLIPCLS_NN_CONV_LOW_H

#include "nn/conv.h"
#include "nn/low.h"

/* The convolutions of one tower, and what their products work in. */
struct conv_lowering;

/* A convolution that is to be lowered, and the pixels of its output's maps. */
struct conv_place {
	struct conv *conv;
	size_t pixels;
};

/* Each convolution gets its `low`. Errors: as low_weights_new. */
clipcls_status conv_lowering_new(struct conv_lowering **out, enum low_type type,
                                 const struct conv_place *places, size_t count, struct pool *pool,
                                 clipcls_error *error);
/* The convolutions are in f32 again. */
void conv_lowering_free(struct conv_lowering *lowering);

/* conv_apply for one that has `low`. */
void conv_low_apply(const struct maps *out, const struct maps *x, const struct conv *conv,
                    const struct maps *residual, struct pool *pool);

#endif
