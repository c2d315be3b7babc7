/* Attention in place of an average at the end of a convolutional tower: the mean of all pixels is
 * the one query, that mean and the pixels are keys and values. Radford et al. 2021, section 2.4;
 * open_clip's AttentionPool2d. */
#ifndef CLIPCLS_NN_ATTENTION_POOL_H
#define CLIPCLS_NN_ATTENTION_POOL_H

#include "nn/linear.h"
#include "nn/maps.h"
#include "nn/transformer.h"

/* F features, H heads, Dh = F/H, T tokens: the mean, then the pixels. E embedding.
 * With one query there is no need of the keys and values of T tokens. A head's score is
 *     (Wk x + bk) . q = x . (Wkᵀ q) + a constant, which softmax does not see,
 * and its output Wv (the weighted mean of x) + bv: 2 products of F*F for a picture, not 2*T. */
struct attention_pool {
	size_t features, heads, tokens;
	const float *positions; /* (T, F) */
	struct linear q, out;   /* (F, F), (E, F) */
	struct linear *keys;    /* (H) of (F, Dh): a head's rows of Wk, transposed; no bias */
	struct linear *values;  /* (H) of (Dh, F) */
	float *transposed;      /* what the keys lie in, unless they are settled */
	float *settled;         /* what the blocks of all lie in */
};

/* features, heads and tokens are set, the rest is zero. Loads everything of `prefix`, "NAME.", and
 * gives the checkpoint's memory back where a copy took its place. attention_pool_free also after an
 * error. */
clipcls_status attention_pool_load(struct attention_pool *pooling, size_t E, const char *prefix,
                                   struct checkpoint *checkpoint, struct pool *pool,
                                   clipcls_error *error);
void attention_pool_free(struct attention_pool *pooling);

/* out: (n, E).   x: n pictures of F channels and T - 1 pixels, without a frame. */
void attention_pool_forward(float *out, const struct maps *x, const struct attention_pool *pooling,
                            struct arena *arena, struct pool *pool);
size_t attention_pool_scratch(const struct attention_pool *pooling, size_t n);

#endif
