/* EfficientNets, as transformers' AlignVisionModel has them: without a head. */
#include "model/efficientnet_block.h"
#include "model/tower_models.h"

#include <stdio.h>

/* Far above any tower; their product is in range. */
#define CHANNEL_LIMIT ((size_t)1 << 16)
#define EXPANSION_LIMIT 64

#define NET(key_, kind_, member, limit_)                                                 \
	{                                                                                    \
		.key = (key_), .kind = (kind_),                                                  \
		.offset = offsetof(struct vision_config, efficientnet.member), .limit = (limit_) \
	}

static const struct config_field fields[] = {
	VISION_FIELDS,
	NET("stem", FIELD_SIZE, stem, CHANNEL_LIMIT),
	NET("layers", FIELD_SIZES, layers, 0),
	NET("kernels", FIELD_SIZES, kernels, 0),
	NET("strides", FIELD_SIZES, strides, 0),
	NET("paddings", FIELD_SIZES, paddings, 0),
	NET("channels", FIELD_SIZES, channels, CHANNEL_LIMIT),
	NET("expansions", FIELD_SIZES, expansions, EXPANSION_LIMIT),
	NET("squeeze_ratio", FIELD_NUMBER, squeeze_ratio, 0),
	NET("batch_norm_eps", FIELD_NUMBER, batch_norm_eps, 0),
	{ .key = "activation",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct vision_config, efficientnet.activation),
	  .words = activation_words },
};

enum feature { EXPANSION = 1 << 0 };

/* O channels, K kernel size. */
static const struct tensor_row stem_rows[] = {
	{ .name = "convolution.weight", .shape = "O3KK" },
	BATCH_NORM_ROWS("batchnorm", "O", 0),
};

/* I input channels, M those within, R those of the squeeze, O output channels, K kernel size. */
static const struct tensor_row block_rows[] = {
	{ .name = "expansion.expand_conv.weight", .shape = "MI11", .needs = EXPANSION },
	BATCH_NORM_ROWS("expansion.expand_bn", "M", EXPANSION),
	{ .name = "depthwise_conv.depthwise_conv.weight", .shape = "M1KK" },
	BATCH_NORM_ROWS("depthwise_conv.depthwise_norm", "M", 0),
	{ .name = "squeeze_excite.reduce.weight", .shape = "RM11" },
	{ .name = "squeeze_excite.reduce.bias", .shape = "R" },
	{ .name = "squeeze_excite.expand.weight", .shape = "MR11" },
	{ .name = "squeeze_excite.expand.bias", .shape = "M" },
	{ .name = "projection.project_conv.weight", .shape = "OM11" },
	BATCH_NORM_ROWS("projection.project_bn", "O", 0),
};

static void list_block(struct tensor_list *list, size_t index,
                       const struct efficientnet_block *block)
{
	char prefix[64];
	const size_t sizes[26] = { ['I' - 'A'] = block->in,
		                       ['K' - 'A'] = block->kernel,
		                       ['M' - 'A'] = block->within,
		                       ['O' - 'A'] = block->out,
		                       ['R' - 'A'] = block->reduced };
	const struct tensor_part part = { .prefix = prefix,
		                              .source_prefix = prefix,
		                              .features = block->expansion ? EXPANSION : 0u,
		                              .sizes = sizes };
	snprintf(prefix, sizeof prefix, "vision_model.encoder.blocks.%zu.", index);
	TENSOR_LIST_ROWS(list, &part, block_rows);
}

static void list_tensors(struct tensor_list *list, const struct model_config *config)
{
	const struct efficientnet_config *net = &config->vision.efficientnet;
	const size_t sizes[26] = { ['O' - 'A'] = net->stem, ['K' - 'A'] = EFFICIENTNET_STEM_KERNEL };
	const struct tensor_part stem = { .prefix = "vision_model.embeddings.",
		                              .source_prefix = "vision_model.embeddings.",
		                              .sizes = sizes };
	size_t index = 0;
	TENSOR_LIST_ROWS(list, &stem, stem_rows);
	for (size_t stage = 0; stage < net->layers.count; stage++) {
		for (size_t layer = 0; layer < net->layers.items[stage] && !tensor_list_full(list);
		     layer++) {
			const struct efficientnet_block block = efficientnet_block_of(net, stage, layer);
			list_block(list, index++, &block);
		}
	}
}

static clipcls_status unsupported(clipcls_error *error, const char *path, const char *key,
                                  size_t value)
{
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: image tower: %s of %zu is not supported",
	                 path, key, value);
}

/* The window of a stage's first block. */
static clipcls_status check_window(const struct efficientnet_config *net, size_t stage,
                                   const char *path, clipcls_error *error)
{
	size_t kernel = net->kernels.items[stage], stride = net->strides.items[stage];
	size_t padding = net->paddings.items[stage];
	if (kernel != 3 && kernel != 5)
		return unsupported(error, path, "kernel", kernel);
	if (stride > 2)
		return unsupported(error, path, "stride", stride);
	/* A stride of 1 keeps the size. */
	if (padding > kernel - 1 || padding < kernel - stride)
		return unsupported(error, path, "padding", padding);
	return CLIPCLS_OK;
}

static bool lists_match(const struct efficientnet_config *net)
{
	size_t stages = net->layers.count;
	return stages > 0 && net->kernels.count == stages && net->strides.count == stages &&
	       net->paddings.count == stages && net->channels.count == stages &&
	       net->expansions.count == stages;
}

static clipcls_status check(const void *part, const char *path, clipcls_error *error)
{
	const struct vision_config *config = part;
	const struct efficientnet_config *net = &config->efficientnet;
	clipcls_status status = CLIPCLS_OK;
	if (!lists_match(net))
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: image tower: not equally many values of each kind for the stages",
		                 path);
	if (!(net->squeeze_ratio > 0 && net->squeeze_ratio <= 1))
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: image tower: squeeze ratio is out of range", path);
	if (!(net->batch_norm_eps >= 0 && net->batch_norm_eps < 1))
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: image tower: batch norm eps is out of range", path);
	for (size_t stage = 0; status == CLIPCLS_OK && stage < net->layers.count; stage++)
		status = check_window(net, stage, path, error);
	if (status == CLIPCLS_OK && efficientnet_last_side(config) == 0)
		status = error_set(error, CLIPCLS_ERR_FORMAT,
		                   "%s: image_size %zu is too small for the image tower's stages", path,
		                   config->image_size);
	return status;
}

static void describe(struct tower_shape *out, const void *part)
{
	const struct efficientnet_config *net = &((const struct vision_config *)part)->efficientnet;
	*out = (struct tower_shape){ .width = net->channels.items[net->channels.count - 1],
		                         .activation = net->activation,
		                         .layer_norm_eps = net->batch_norm_eps };
	for (size_t stage = 0; stage < net->layers.count; stage++)
		out->layers += net->layers.items[stage];
}

const struct tower_model efficientnet_model = {
	{ fields, sizeof fields / sizeof *fields }, check, list_tensors, describe
};
