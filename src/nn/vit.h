/* CLIP's vision transformer: pixels -> image embedding. Radford et al. 2021, section 2.4. */
#ifndef CLIPCLS_NN_VIT_H
#define CLIPCLS_NN_VIT_H

#include "nn/transformer.h"

struct vit;

/* form: vit_lower needs WEIGHTS_ROWS or WEIGHTS_STORED; with the latter vit_forward needs
 * vit_lower. */
clipcls_status vit_load(struct vit **out, struct checkpoint *checkpoint, enum weight_form form,
                        struct pool *pool, clipcls_error *error);
void vit_free(struct vit *vit);
/* transformer_settle of the tower: when many pictures are to come. */
void vit_settle(struct vit *vit, struct pool *pool);

/* transformer_lower and transformer_raise of the tower; they change vit_scratch(). */
clipcls_status vit_lower(struct vit *vit, enum low_type type, struct pool *pool,
                         clipcls_error *error);
void vit_raise(struct vit *vit);

/* pixels: (n, 3, S, S) normalised RGB, borrowed.   out: (n, E), unit L2 norm, caller's.
 * The arena must have vit_scratch(n, threads of `pool`) zeroed floats left; `pool` may be NULL. */
void vit_forward(float *out, const float *pixels, size_t n, const struct vit *vit,
                 struct arena *arena, struct pool *pool);
size_t vit_scratch(const struct vit *vit, size_t n, size_t threads);

#endif
