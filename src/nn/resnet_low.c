/* CLIP's ResNets in low precision: the blocks' larger convolutions. The stem and the pooling stay
 * in f32. */
#include "nn/resnet.h"

#include "base/memory.h"

#include <stdlib.h>

/* Products of fewer terms are not worth it: rounding what a window sees, and turning sums back into
 * floats, takes longer than it saves. (Measured with widths of 24 and 64: of 1, 256 and 512 terms,
 * 256 was the fastest for both.) */
#define LEAST_DEPTH 256
#define MOST_PLACES(resnet) (4 * (resnet)->count)

/* Appends a convolution whose output has maps of side x side pixels. */
static struct conv_place *add_place(struct conv_place *next, struct conv *conv, size_t side)
{
	if (conv_depth(conv) >= LEAST_DEPTH)
		*next++ = (struct conv_place){ conv, side * side };
	return next;
}

/* The convolutions to lower: at most MOST_PLACES, returns how many. */
static size_t find_places(struct conv_place *out, const struct resnet *resnet)
{
	struct conv_place *next = out;
	struct bottleneck *block = resnet->blocks;
	for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
		size_t side = resnet->image_size / 4 >> stage;
		for (size_t i = 0; i < resnet->config.layers[stage]; i++, block++) {
			next = add_place(next, &block->conv1, side * block->stride);
			next = add_place(next, &block->conv2, side * block->stride);
			next = add_place(next, &block->conv3, side);
			if (block->first)
				next = add_place(next, &block->downsample, side);
		}
	}
	return (size_t)(next - out);
}

clipcls_status resnet_lower(void *tower, enum low_type type, struct pool *pool,
                            clipcls_error *error)
{
	struct resnet *resnet = tower;
	struct conv_place *places = memory_new(MOST_PLACES(resnet), sizeof *places);
	if (places == NULL)
		return error_memory(error);
	size_t count = find_places(places, resnet);
	clipcls_status status = conv_lowering_new(&resnet->low, type, places, count, pool, error);
	free(places);
	return status;
}

void resnet_raise(void *tower)
{
	struct resnet *resnet = tower;
	conv_lowering_free(resnet->low);
	resnet->low = NULL;
}
