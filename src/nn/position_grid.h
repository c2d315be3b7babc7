/* Position embeddings for another number of patches than they were trained with. */
#ifndef CLIPCLS_NN_POSITION_GRID_H
#define CLIPCLS_NN_POSITION_GRID_H

#include "base/error.h"

#include <stddef.h>

/* grid: (from * from, D) -> out: (to * to, D), both by rows of a square. torch's
 * interpolate(mode="bicubic", antialias=True, align_corners=False), which open_clip's
 * resize_pos_embed takes: Keys' cubic with a = -0.5, widened where the grid shrinks. */
clipcls_status position_grid_resize(float *out, size_t to, const float *grid, size_t from, size_t D,
                                    clipcls_error *error);

#endif
