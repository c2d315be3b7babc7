/* Multi-head attention pooling: a learned query attends to all tokens, then an MLP. Zhai et al.
 * 2022, "Scaling Vision Transformers"; SiglipMultiheadAttentionPoolingHead. */
#ifndef CLIPCLS_NN_MAP_POOL_H
#define CLIPCLS_NN_MAP_POOL_H

#include "nn/transformer.h"

/* D width, F mlp_width. */
struct map_pool {
	struct transformer_config config;
	const float *probe;         /* (D) */
	struct linear q, k, v, out; /* (D, D) */
	struct norm norm;
	struct linear fc1, fc2; /* (F, D), (D, F) */
};

#define MAP_POOL_LINEARS 6

/* Wants all tensors of `prefix`, which ends with a dot. */
void map_pool_want(struct map_pool *pooling, const struct transformer_config *config,
                   const char *prefix, struct weight_list *list);
/* The linears, for weights_settle. */
void map_pool_linears(struct linear *out[MAP_POOL_LINEARS], struct map_pool *pooling);

/* out: (sequences, D).   x: (rows->count, D), layer-normed. */
void map_pool_forward(float *out, const float *x, const struct attention_rows *rows,
                      const struct map_pool *pooling, struct arena *arena, struct pool *pool);
size_t map_pool_scratch(const struct map_pool *pooling, const struct attention_rows *rows,
                        size_t threads);

#endif
