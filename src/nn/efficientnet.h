/* EfficientNets: what their forward pass works with, and loading it. Internal to
 * efficientnet.c and efficientnet_weights.c. */
#ifndef CLIPCLS_NN_EFFICIENTNET_H
#define CLIPCLS_NN_EFFICIENTNET_H

#include "model/checkpoint.h"
#include "model/efficientnet_block.h"
#include "nn/depthwise.h"
#include "nn/squeeze.h"

/* I input channels, M within, O output channels: an inverted residual. Sandler et al. 2018. */
struct mbconv {
	struct efficientnet_block shape;
	struct conv expand;         /* (M, I), 1 x 1; with shape.expansion */
	struct depthwise depthwise; /* (M) */
	struct squeeze squeeze;     /* (M) */
	struct conv project;        /* (O, M), 1 x 1, without an activation */
};

struct efficientnet {
	struct vision_config config;
	struct conv stem;
	struct mbconv *blocks; /* (count) */
	size_t count;
	float *memory; /* what all weights lie in, batch norms folded into them */
};

/* Block by block, giving back the memory of the checkpoint's own weights on the way. */
clipcls_status efficientnet_load(struct efficientnet **out, struct checkpoint *checkpoint,
                                 struct pool *pool, clipcls_error *error);
void efficientnet_free(struct efficientnet *net);

/* `padding` pixels of two opposite edges together: the smaller half before. */
static inline struct frame efficientnet_frame(size_t padding)
{
	size_t before = padding / 2, after = padding - before;
	return (struct frame){ .top = before, .bottom = after, .left = before, .right = after };
}

#endif
