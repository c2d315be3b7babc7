/* Checking and converting the bytes of a checkpoint's tensors. Internal to src/model. */
#ifndef CLIPCLS_MODEL_WEIGHTS_H
#define CLIPCLS_MODEL_WEIGHTS_H

#include "model/layout.h"

/* NULL when there is no tensor of this canonical name. */
struct checkpoint_tensor *weights_find(const struct checkpoint *checkpoint, const char *name);

/* First use of n tensors, in parallel on `pool` (may be NULL), where the layout has checksums:
 * these, and that no element is infinite or NaN; of int8, that values and scales are in range.
 * Nothing is done the second time. */
clipcls_status weights_verify(struct checkpoint *checkpoint,
                              struct checkpoint_tensor *const *tensors, size_t n, struct pool *pool,
                              clipcls_error *error);

/* Elements first..first + n - 1 of the canonical tensor, row-major, as they are stored.
 * out: (n) elements of tensor->source->dtype. */
void weights_copy(void *out, const struct checkpoint_tensor *tensor, size_t first, size_t n);

/* The same as floats. out: (n). */
void weights_floats(float *out, const struct checkpoint_tensor *tensor, size_t first, size_t n);

clipcls_status weights_not_finite(const struct checkpoint_tensor *tensor, clipcls_error *error);

#endif
