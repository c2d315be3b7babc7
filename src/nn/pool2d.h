/* Averages over feature maps. */
#ifndef CLIPCLS_NN_POOL2D_H
#define CLIPCLS_NN_POOL2D_H

#include "nn/maps.h"

/* out: x's n and channels, height and width halved (an odd row or column at the end is left out).
 * Every pixel is the mean of 2 x 2: torch's AvgPool2d(2). out's frame is left alone. */
void pool_halves(const struct maps *out, const struct maps *x, struct pool *pool);

/* out: (n, C), the mean over all pixels of each picture and channel. */
void pool_global(float *out, const struct maps *x, struct pool *pool);

#endif
