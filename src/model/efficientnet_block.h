/* What the blocks of an EfficientNet have, from its config. Tan and Le 2019; AlignVisionEncoder. */
#ifndef CLIPCLS_MODEL_EFFICIENTNET_BLOCK_H
#define CLIPCLS_MODEL_EFFICIENTNET_BLOCK_H

#include "base/checked.h"
#include "model/config.h"

#define EFFICIENTNET_STEM_KERNEL 3
#define EFFICIENTNET_STEM_STRIDE 2
#define EFFICIENTNET_STEM_PADDING 1

struct efficientnet_block {
	size_t in, within, reduced, out; /* channels; reduced: of the squeeze */
	bool expansion;                  /* from `in` to `within`; else these are the same */
	bool residual;
	size_t kernel, stride, padding; /* of the depthwise convolution */
};

static inline struct efficientnet_block efficientnet_block_of(
    const struct efficientnet_config *config, size_t stage, size_t layer)
{
	const bool first = layer == 0;
	const size_t out = config->channels.items[stage], kernel = config->kernels.items[stage];
	const size_t before = stage > 0 ? config->channels.items[stage - 1] : config->stem;
	const size_t in = first ? before : out, expansion = config->expansions.items[stage];
	return (struct efficientnet_block){
		.in = in,
		.within = in * expansion,
		.reduced = size_max(1, (size_t)((double)in * config->squeeze_ratio)),
		.out = out,
		.expansion = expansion != 1,
		.residual = !first,
		.kernel = kernel,
		.stride = first ? config->strides.items[stage] : 1,
		.padding = first ? config->paddings.items[stage] : kernel - 1,
	};
}

/* Pixels of a side behind a convolution; 0 where the kernel does not fit. */
static inline size_t efficientnet_side(size_t side, size_t kernel, size_t stride, size_t padding)
{
	if (side + padding < kernel || stride == 0)
		return 0;
	return (side + padding - kernel) / stride + 1;
}

/* Pixels of a side behind all stages; 0 where a kernel does not fit. */
static inline size_t efficientnet_last_side(const struct vision_config *config)
{
	const struct efficientnet_config *net = &config->efficientnet;
	size_t side = efficientnet_side(config->image_size, EFFICIENTNET_STEM_KERNEL,
	                                EFFICIENTNET_STEM_STRIDE, EFFICIENTNET_STEM_PADDING);
	for (size_t stage = 0; side > 0 && stage < net->layers.count; stage++)
		side = efficientnet_side(side, net->kernels.items[stage], net->strides.items[stage],
		                         net->paddings.items[stage]);
	return side;
}

#endif
