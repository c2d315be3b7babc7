/* What tells a model from any other by its weights alone: files that are made with one model, and
 * only make sense with it, carry its signature. */
#ifndef CLIPCLS_MODEL_SIGNATURE_H
#define CLIPCLS_MODEL_SIGNATURE_H

#include "model/checkpoint.h"

/* *out: *n values of the checkpoint's weights, allocated. They are taken from its vectors (biases,
 * norms), which conversions keep as floats: the same model in another dtype or layout has the same
 * ones up to rounding. CLIPCLS_ERR_MEMORY, or as checkpoint_weights. On error *out is NULL. */
clipcls_status model_signature(float **out, size_t *n, struct checkpoint *checkpoint,
                               clipcls_error *error);

/* *same: whether a signature (n) is that of this checkpoint, each in whatever dtype. Errors as of
 * model_signature. */
clipcls_status model_is_of(bool *same, struct checkpoint *checkpoint, const float *signature,
                           size_t n, clipcls_error *error);

#endif
