/* EfficientNets' weights: every convolution with its batch norm. */
#include "nn/efficientnet.h"

#include "base/memory.h"
#include "nn/transformer.h"

#include <stdio.h>
#include <stdlib.h>

/* One convolution's tensors in the checkpoint, and where they go: one of conv and depthwise. */
struct layer {
	const char *name, *norm_name; /* norm_name NULL: it has a bias instead */
	struct conv *conv;
	struct depthwise *depthwise;
	const float *weight, *bias;
	struct batch_norm norm;
};

#define BLOCK_LAYERS 5

/* Those of a block, in their order; gives their number. */
static size_t layers_of(struct layer layers[BLOCK_LAYERS], struct mbconv *block)
{
	size_t n = 0;
	if (block->shape.expansion)
		layers[n++] = (struct layer){ .name = "expansion.expand_conv",
			                          .norm_name = "expansion.expand_bn",
			                          .conv = &block->expand };
	layers[n++] = (struct layer){ .name = "depthwise_conv.depthwise_conv",
		                          .norm_name = "depthwise_conv.depthwise_norm",
		                          .depthwise = &block->depthwise };
	layers[n++] = (struct layer){ .name = "squeeze_excite.reduce", .conv = &block->squeeze.reduce };
	layers[n++] = (struct layer){ .name = "squeeze_excite.expand", .conv = &block->squeeze.expand };
	layers[n++] = (struct layer){ .name = "projection.project_conv",
		                          .norm_name = "projection.project_bn",
		                          .conv = &block->project };
	return n;
}

static struct layer stem_of(struct efficientnet *net)
{
	return (struct layer){ .name = "convolution", .norm_name = "batchnorm", .conv = &net->stem };
}

/* ---- shapes --------------------------------------------------------------------------------- */

static struct conv pointwise(size_t out, size_t in)
{
	return (struct conv){ .out = out, .in = in, .window = { .kernel = 1, .stride = 1 } };
}

static struct conv activated(struct conv conv, enum activation activation)
{
	conv.activated = true;
	conv.activation = activation;
	return conv;
}

static void shape_block(struct mbconv *block, const struct efficientnet_block *shape,
                        enum activation activation)
{
	block->shape = *shape;
	block->expand = activated(pointwise(shape->within, shape->in), activation);
	block->depthwise = (struct depthwise){ .channels = shape->within,
		                                   .window = { shape->kernel, shape->stride,
		                                               efficientnet_frame(shape->padding) },
		                                   .activation = activation };
	block->squeeze.reduce = activated(pointwise(shape->reduced, shape->within), activation);
	block->squeeze.expand = pointwise(shape->within, shape->reduced);
	block->project = pointwise(shape->out, shape->within);
}

static clipcls_status shape_all(struct efficientnet *net, clipcls_error *error)
{
	const struct efficientnet_config *config = &net->config.efficientnet;
	size_t next = 0;
	for (size_t stage = 0; stage < config->layers.count; stage++)
		net->count += config->layers.items[stage];
	net->blocks = memory_new(net->count, sizeof *net->blocks);
	if (net->blocks == NULL)
		return error_memory(error);
	net->stem = (struct conv){ .out = config->stem,
		                       .in = 3,
		                       .window = { EFFICIENTNET_STEM_KERNEL, EFFICIENTNET_STEM_STRIDE,
		                                   efficientnet_frame(EFFICIENTNET_STEM_PADDING) } };
	net->stem = activated(net->stem, config->activation);
	for (size_t stage = 0; stage < config->layers.count; stage++) {
		for (size_t layer = 0; layer < config->layers.items[stage]; layer++) {
			const struct efficientnet_block shape = efficientnet_block_of(config, stage, layer);
			shape_block(&net->blocks[next++], &shape, config->activation);
		}
	}
	return CLIPCLS_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Floats that the layer's weights take, rounded up to keep what follows aligned. */
static bool layer_floats(size_t *out, const struct layer *layer)
{
	size_t floats;
	bool fits = layer->depthwise != NULL ? depthwise_floats(&floats, layer->depthwise)
	                                     : conv_floats(&floats, layer->conv);
	*out = fits ? arena_size_of(floats) : 0;
	return fits;
}

static clipcls_status take_memory(struct efficientnet *net, clipcls_error *error)
{
	struct layer layers[BLOCK_LAYERS] = { stem_of(net) };
	size_t total, size;
	bool fits = layer_floats(&total, &layers[0]);
	for (size_t i = 0; i < net->count; i++) {
		size_t n = layers_of(layers, &net->blocks[i]);
		for (size_t j = 0; fits && j < n; j++)
			fits = layer_floats(&size, &layers[j]) && size_add(total, size, &total);
	}
	net->memory = fits ? memory_floats(total) : NULL;
	return net->memory != NULL ? CLIPCLS_OK : error_memory(error);
}

/* ---- fetching ------------------------------------------------------------------------------- */

struct loader {
	struct checkpoint *checkpoint;
	struct pool *pool;
	double eps;
	float *next; /* where the next layer's weights go */
};

static void want_layer(struct weight_list *list, struct layer *layer, const char *prefix)
{
	weight_want(list, &layer->weight, "%s%s.weight", prefix, layer->name);
	if (layer->norm_name == NULL) {
		weight_want(list, &layer->bias, "%s%s.bias", prefix, layer->name);
		return;
	}
	char name[96];
	snprintf(name, sizeof name, "%s%s", prefix, layer->norm_name);
	weight_want_batch_norm(list, &layer->norm, name);
}

static void fold_layer(struct layer *layer, struct loader *loader)
{
	const struct batch_norm *norm = layer->norm_name != NULL ? &layer->norm : NULL;
	size_t floats;
	layer->norm.eps = loader->eps;
	if (layer->depthwise != NULL)
		depthwise_fold(layer->depthwise, loader->next, layer->weight, layer->bias, norm);
	else
		conv_fold(layer->conv, loader->next, layer->weight, layer->bias, norm, loader->pool);
	layer_floats(&floats, layer);
	loader->next += floats;
}

/* Layers whose names follow `prefix`. */
static clipcls_status load_layers(struct loader *loader, struct layer *layers, size_t n,
                                  const char *prefix, clipcls_error *error)
{
	struct weight_list list = { .form = WEIGHTS_ROWS };
	for (size_t i = 0; i < n; i++)
		want_layer(&list, &layers[i], prefix);
	clipcls_status status = weight_fetch(&list, loader->checkpoint, loader->pool, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < n; i++)
		fold_layer(&layers[i], loader);
	checkpoint_release(loader->checkpoint, prefix, NULL);
	return status;
}

static clipcls_status load_all(struct efficientnet *net, struct loader *loader,
                               clipcls_error *error)
{
	struct layer layers[BLOCK_LAYERS] = { stem_of(net) };
	char prefix[64];
	clipcls_status status = load_layers(loader, layers, 1, "vision_model.embeddings.", error);
	for (size_t i = 0; status == CLIPCLS_OK && i < net->count; i++) {
		snprintf(prefix, sizeof prefix, "vision_model.encoder.blocks.%zu.", i);
		status = load_layers(loader, layers, layers_of(layers, &net->blocks[i]), prefix, error);
	}
	return status;
}

clipcls_status efficientnet_load(struct efficientnet **out, struct checkpoint *checkpoint,
                                 struct pool *pool, clipcls_error *error)
{
	struct efficientnet *net = memory_new(1, sizeof *net);
	if (net == NULL)
		return error_memory(error);
	net->config = checkpoint_config(checkpoint)->vision;
	clipcls_status status = shape_all(net, error);
	if (status == CLIPCLS_OK)
		status = take_memory(net, error);
	struct loader loader = { checkpoint, pool, net->config.efficientnet.batch_norm_eps,
		                     net->memory };
	if (status == CLIPCLS_OK)
		status = load_all(net, &loader, error);
	if (status == CLIPCLS_OK)
		*out = net;
	else
		efficientnet_free(net);
	return status;
}

void efficientnet_free(struct efficientnet *net)
{
	if (net == NULL)
		return;
	free(net->memory);
	free(net->blocks);
	free(net);
}
