/* The weights of CLIP's ResNets, batch norms folded into them. */
#include "nn/resnet.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

static struct conv conv_of(size_t out, size_t in, size_t kernel, size_t stride)
{
	struct conv conv = { .out = out,
		                 .in = in,
		                 .window = { .kernel = kernel, .stride = stride },
		                 .activated = true,
		                 .activation = ACTIVATION_RELU };
	if (kernel == 3)
		conv.window.padding = (struct frame){ 1, 1, 1, 1 };
	return conv;
}

static struct bottleneck bottleneck_of(size_t in, size_t channels, bool first, size_t stride)
{
	size_t out = RESNET_EXPANSION * channels;
	struct bottleneck block = { .conv1 = conv_of(channels, in, 1, 1),
		                        .conv2 = conv_of(channels, channels, 3, 1),
		                        .conv3 = conv_of(out, channels, 1, 1),
		                        .downsample = conv_of(out, in, 1, 1),
		                        .first = first,
		                        .stride = stride };
	block.downsample.activated = false;
	return block;
}

/* Everything that follows from the config. */
static clipcls_status lay_out(struct resnet *resnet, clipcls_error *error)
{
	const struct resnet_config *config = &resnet->config;
	size_t W = config->width, in = W, side = resnet->image_size / RESNET_REDUCTION;
	resnet->pooling.features = RESNET_FEATURES * W;
	resnet->pooling.heads = config->heads;
	resnet->pooling.tokens = side * side + 1;
	resnet->stem[0] = conv_of(W / 2, 3, 3, 2);
	resnet->stem[1] = conv_of(W / 2, W / 2, 3, 1);
	resnet->stem[2] = conv_of(W, W / 2, 3, 1);
	for (size_t stage = 0; stage < RESNET_STAGES; stage++)
		resnet->count += config->layers[stage];
	resnet->blocks = memory_new(resnet->count, sizeof *resnet->blocks);
	if (resnet->blocks == NULL)
		return error_memory(error);
	struct bottleneck *block = resnet->blocks;
	for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
		for (size_t i = 0; i < config->layers[stage]; i++) {
			*block++ = bottleneck_of(in, W << stage, i == 0, i == 0 && stage > 0 ? 2 : 1);
			in = RESNET_EXPANSION * (W << stage);
		}
	}
	return CLIPCLS_OK;
}

/* A convolution, and what it and its batch norm are called. */
struct named_conv {
	struct conv *conv;
	char conv_name[64], norm_name[64];
};

static struct named_conv name_conv(struct conv *conv, const char *prefix, const char *conv_name,
                                   const char *norm_name)
{
	struct named_conv named = { .conv = conv };
	snprintf(named.conv_name, sizeof named.conv_name, "vision_model.%s%s", prefix, conv_name);
	snprintf(named.norm_name, sizeof named.norm_name, "vision_model.%s%s", prefix, norm_name);
	return named;
}

#define MOST_CONVS(resnet) (3 + 4 * (resnet)->count)

/* All convolutions: at most MOST_CONVS, returns how many. */
static size_t name_convs(struct named_conv *out, struct resnet *resnet)
{
	struct named_conv *next = out;
	struct bottleneck *block = resnet->blocks;
	*next++ = name_conv(&resnet->stem[0], "", "conv1", "bn1");
	*next++ = name_conv(&resnet->stem[1], "", "conv2", "bn2");
	*next++ = name_conv(&resnet->stem[2], "", "conv3", "bn3");
	for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
		for (size_t i = 0; i < resnet->config.layers[stage]; i++, block++) {
			char prefix[32];
			snprintf(prefix, sizeof prefix, "layer%zu.%zu.", stage + 1, i);
			*next++ = name_conv(&block->conv1, prefix, "conv1", "bn1");
			*next++ = name_conv(&block->conv2, prefix, "conv2", "bn2");
			*next++ = name_conv(&block->conv3, prefix, "conv3", "bn3");
			if (block->first)
				*next++ = name_conv(&block->downsample, prefix, "downsample.0", "downsample.1");
		}
	}
	return (size_t)(next - out);
}

/* Floats from one convolution's weights to the next's, which begin at cache lines. */
static size_t conv_room(const struct conv *conv)
{
	size_t floats = 0;
	/* Fits: the file has as many elements, of at least two bytes. */
	conv_floats(&floats, conv);
	return arena_size_of(floats);
}

/* The file's weight is given back as soon as it is folded: there is never more than one twice. */
static clipcls_status load_conv(const struct named_conv *named, float *memory,
                                struct checkpoint *checkpoint, struct pool *pool,
                                clipcls_error *error)
{
	struct weight_list list = { 0 };
	struct batch_norm norm = { .eps = RESNET_NORM_EPS };
	const float *weight;
	weight_want(&list, &weight, "%s.weight", named->conv_name);
	weight_want_batch_norm(&list, &norm, named->norm_name);
	clipcls_status status = weight_fetch(&list, checkpoint, pool, error);
	if (status != CLIPCLS_OK)
		return status;
	conv_fold(named->conv, memory, weight, NULL, &norm, pool);
	checkpoint_release(checkpoint, named->conv_name, pool);
	return CLIPCLS_OK;
}

static clipcls_status load_convs(struct resnet *resnet, struct checkpoint *checkpoint,
                                 struct pool *pool, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	size_t total = 0, n = 0;
	struct named_conv *convs = memory_new(MOST_CONVS(resnet), sizeof *convs);
	if (convs == NULL)
		return error_memory(error);
	n = name_convs(convs, resnet);
	for (size_t i = 0; i < n; i++)
		total += conv_room(convs[i].conv);
	float *memory = resnet->weights = memory_floats(total);
	if (memory == NULL)
		status = error_memory(error);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++) {
		status = load_conv(&convs[i], memory, checkpoint, pool, error);
		memory += conv_room(convs[i].conv);
	}
	free(convs);
	return status;
}

void resnet_free(void *tower)
{
	struct resnet *resnet = tower;
	if (resnet == NULL)
		return;
	conv_lowering_free(resnet->low);
	attention_pool_free(&resnet->pooling);
	free(resnet->blocks);
	free(resnet->weights);
	free(resnet);
}

clipcls_status resnet_load(void **out, struct checkpoint *checkpoint, enum weight_form form,
                           struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct resnet *resnet = memory_new(1, sizeof *resnet);
	(void)form; /* no file has these weights in another */
	if (resnet == NULL)
		return error_memory(error);
	resnet->config = config->vision.resnet;
	resnet->image_size = config->vision.image_size;
	resnet->projection_dim = config->projection_dim;
	clipcls_status status = lay_out(resnet, error);
	if (status == CLIPCLS_OK)
		status = load_convs(resnet, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		status = attention_pool_load(&resnet->pooling, resnet->projection_dim,
		                             "vision_model.attnpool.", checkpoint, pool, error);
	if (status != CLIPCLS_OK) {
		resnet_free(resnet);
		return status;
	}
	*out = resnet;
	return CLIPCLS_OK;
}
