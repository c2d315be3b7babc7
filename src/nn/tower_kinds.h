/* What each kind of tower does, and which kinds there are. Internal to src/nn. */
#ifndef CLIPCLS_NN_TOWER_KINDS_H
#define CLIPCLS_NN_TOWER_KINDS_H

#include "nn/image_tower.h"
#include "nn/text_tower.h"

/* A tower is what `load` makes. The functions are image_tower.h's of the same name; embeddings are
 * of any length, and become unit vectors behind `forward`. */
struct image_tower_ops {
	clipcls_status (*load)(void **out, struct checkpoint *checkpoint, enum weight_form form,
	                       struct pool *pool, clipcls_error *error);
	void (*free)(void *tower);
	void (*settle)(void *tower, struct pool *pool); /* NULL = nothing to do */
	/* Both NULL: the tower runs in f32 alone. */
	clipcls_status (*lower)(void *tower, enum low_type type, struct pool *pool,
	                        clipcls_error *error);
	void (*raise)(void *tower);
	void (*forward)(float *out, const float *pixels, size_t n, const void *tower,
	                struct arena *arena, struct pool *pool);
	size_t (*scratch)(const void *tower, size_t n, size_t threads);
	/* Of the config alone. */
	size_t (*batch)(const struct model_config *config);
	void (*work)(struct image_tower_work *out, const struct model_config *config);
};

struct text_tower_ops {
	clipcls_status (*load)(void **out, struct checkpoint *checkpoint, struct pool *pool,
	                       clipcls_error *error);
	void (*free)(void *tower);
	void (*settle)(void *tower, struct pool *pool);
	void (*forward)(float *out, const struct prompt_rows *rows, const void *tower,
	                struct arena *arena, struct pool *pool);
	size_t (*scratch)(const void *tower, size_t rows, size_t threads);
};

extern const struct image_tower_ops vit_ops;          /* vit.c */
extern const struct image_tower_ops swin_ops;         /* swin.c */
extern const struct image_tower_ops resnet_ops;       /* resnet.c */
extern const struct image_tower_ops efficientnet_ops; /* efficientnet.c */
extern const struct text_tower_ops text_ops;          /* text_clip.c */
extern const struct text_tower_ops bert_ops;          /* bert.c */

#endif
