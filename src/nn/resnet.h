/* CLIP's ResNets: the parts that resnet_weights.c makes and resnet.c runs. Internal to src/nn. */
#ifndef CLIPCLS_NN_RESNET_H
#define CLIPCLS_NN_RESNET_H

#include "nn/attention_pool.h"
#include "nn/conv_low.h"

/* He et al. 2016, with the average behind the 3x3 convolution and before the shortcut's where the
 * stride is 2. */
struct bottleneck {
	struct conv conv1, conv2, conv3; /* 1x1, 3x3, 1x1 */
	struct conv downsample;          /* the shortcut's: of a stage's first block alone */
	bool first;
	size_t stride;
};

/* S image size, W width, E embedding. */
struct resnet {
	struct resnet_config config;
	size_t image_size, projection_dim;
	struct conv stem[3];
	struct bottleneck *blocks; /* those of all stages */
	size_t count;
	float *weights; /* what the convolutions' lie in */
	struct attention_pool pooling;
	struct conv_lowering *low; /* the blocks in low precision; NULL = f32 */
};

/* As struct image_tower_ops has them. */
clipcls_status resnet_load(void **out, struct checkpoint *checkpoint, enum weight_form form,
                           struct pool *pool, clipcls_error *error);
void resnet_free(void *tower);
clipcls_status resnet_lower(void *tower, enum low_type type, struct pool *pool,
                            clipcls_error *error);
void resnet_raise(void *tower);

#endif
