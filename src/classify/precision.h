/* What the image tower's products are computed in. */
#ifndef CLIPCLS_CLASSIFY_PRECISION_H
#define CLIPCLS_CLASSIFY_PRECISION_H

#include "nn/image_tower.h"

enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_INT8, PRECISION_AUTO };

const char *precision_name(enum precision precision);
/* name: NULL = "f32". Errors: CLIPCLS_ERR_ARGUMENT for an unknown name, _UNSUPPORTED, with the
 * reason, for what this build or processor does not have. */
clipcls_status precision_parse(enum precision *out, const char *name, clipcls_error *error);

/* Puts the tower, which is in f32, into *precision. PRECISION_AUTO becomes the first of int8, bf16
 * and f32 that can be had and that, for each of a few made-up pictures, gives an embedding with a
 * cosine of at least 0.995 to that of f32. S image size, E embedding size. */
clipcls_status precision_apply(enum precision *precision, struct image_tower *tower, size_t S,
                               size_t E, struct pool *pool, clipcls_error *error);

#endif
