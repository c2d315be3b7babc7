/* Squeeze and excitation: every channel of a picture is weighed by what the whole picture holds.
 * Hu et al. 2018. */
#ifndef CLIPCLS_NN_SQUEEZE_H
#define CLIPCLS_NN_SQUEEZE_H

#include "nn/conv.h"

/* C channels, R of the bottleneck. Both are convolutions of 1 x 1. */
struct squeeze {
	struct conv reduce; /* (R, C), with its activation */
	struct conv expand; /* (C, R), a sigmoid follows */
};

/* x, in place: every channel times sigmoid(expand(reduce(its mean over the picture))). */
void squeeze_apply(const struct maps *x, const struct squeeze *squeeze, struct arena *arena,
                   struct pool *pool);
/* Floats of arena that it takes for n pictures. */
size_t squeeze_scratch(const struct squeeze *squeeze, size_t n);

#endif
