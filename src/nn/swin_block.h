/* A block of a Swin transformer: pre-layer-norm attention within windows, and an MLP. Liu et al.
 * 2021, section 3.1. */
#ifndef CLIPCLS_NN_SWIN_BLOCK_H
#define CLIPCLS_NN_SWIN_BLOCK_H

#include "model/swin_stage.h"
#include "nn/transformer.h"
#include "nn/window_attention.h"

/* D width of the stage, F its mlp_width, H its heads, w its window, T = w*w. */
struct swin_block {
	struct norm norm1, norm2;
	struct linear q, k, v, proj; /* (D, D) */
	struct linear fc1, fc2;      /* (F, D), (D, F) */
	const float *table;          /* ((2w-1)*(2w-1), H) */
	const float *bias;           /* window_bias_fill */
	const float *masks;          /* NULL = not shifted */
	const uint32_t *map;         /* window_map_fill; (side * side) */
};

#define SWIN_BLOCK_LINEARS 6
void swin_block_linears(struct linear *out[SWIN_BLOCK_LINEARS], struct swin_block *block);

/* Wants the tensors of vision_model.layers.`stage`.blocks.`layer`. */
void swin_block_want(struct swin_block *block, const struct swin_stage *shape, size_t stage,
                     size_t layer, struct weight_list *list);

/* x: (n, side*side, D), in place. */
void swin_block_forward(float *x, size_t n, const struct swin_block *block,
                        const struct swin_stage *shape, double eps, struct arena *arena,
                        struct pool *pool);
/* Floats of arena that it takes, for a pool of `threads`. */
size_t swin_block_scratch(const struct swin_stage *shape, size_t n, size_t threads);

#endif
