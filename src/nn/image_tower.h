/* Image towers: pixels -> image embedding. Which one a model has, its family says. */
#ifndef CLIPCLS_NN_IMAGE_TOWER_H
#define CLIPCLS_NN_IMAGE_TOWER_H

#include "base/arena.h"
#include "model/checkpoint.h"
#include "nn/low_products.h"
#include "nn/transformer.h"

struct image_tower;

/* form: image_tower_lower needs WEIGHTS_ROWS or WEIGHTS_STORED; with the latter the tower computes
 * only when lowered. */
clipcls_status image_tower_load(struct image_tower **out, struct checkpoint *checkpoint,
                                enum weight_form form, struct pool *pool, clipcls_error *error);
void image_tower_free(struct image_tower *tower);
/* Puts the weights where products run fastest: when many pictures are to come. No result changes.
 */
void image_tower_settle(struct image_tower *tower, struct pool *pool);

/* From here on linear layers run in low precision, or in f32 again; both change
 * image_tower_scratch(). CLIPCLS_ERR_UNSUPPORTED where the tower or the library has no such code.
 */
clipcls_status image_tower_lower(struct image_tower *tower, enum low_type type, struct pool *pool,
                                 clipcls_error *error);
void image_tower_raise(struct image_tower *tower);

/* pixels: (n, 3, S, S) normalised RGB, borrowed.   out: (n, E), unit L2 norm, caller's.
 * The arena must have image_tower_scratch(n, threads of `pool`) zeroed floats left; `pool` may be
 * NULL. */
void image_tower_forward(float *out, const float *pixels, size_t n, const struct image_tower *tower,
                         struct arena *arena, struct pool *pool);
size_t image_tower_scratch(const struct image_tower *tower, size_t n, size_t threads);

/* Pictures of one forward pass that let products run near the machine's limit. */
size_t image_tower_batch(const struct model_config *config);

/* Floating-point operations of one picture: as computed here, and as the reference defines it. */
struct image_tower_work {
	double computed, defined;
};
void image_tower_work(struct image_tower_work *out, const struct model_config *config);

#endif
