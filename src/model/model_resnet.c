/* CLIP's ResNets: open_clip's ModifiedResNet. */
#include "model/tower_models.h"

#include <stdio.h>

#define LAYERS_FIELD(key_, stage)                                      \
	{                                                                  \
		.key = (key_), .kind = FIELD_SIZE,                             \
		.offset = offsetof(struct vision_config, resnet.layers[stage]) \
	}

static const struct config_field fields[] = {
	VISION_FIELDS,
	{ .key = "width",
	  .kind = FIELD_SIZE,
	  .offset = offsetof(struct vision_config, resnet.width),
	  .limit = RESNET_WIDTH_LIMIT },
	LAYERS_FIELD("layers_1", 0),
	LAYERS_FIELD("layers_2", 1),
	LAYERS_FIELD("layers_3", 2),
	LAYERS_FIELD("layers_4", 3),
	{ .key = "heads", .kind = FIELD_SIZE, .offset = offsetof(struct vision_config, resnet.heads) },
};

#define ROW(name_, shape_, needs_)                            \
	{                                                         \
		.name = (name_), .shape = (shape_), .needs = (needs_) \
	}
/* D width, H half of it. */
static const struct tensor_row stem_rows[] = {
	ROW("conv1.weight", "H333", 0), BATCH_NORM_ROWS("bn1", "H", 0), ROW("conv2.weight", "HH33", 0),
	BATCH_NORM_ROWS("bn2", "H", 0), ROW("conv3.weight", "DH33", 0), BATCH_NORM_ROWS("bn3", "D", 0),
};

#define SHORTCUT 1u /* the first block of a stage */

/* I inputs, C channels, O outputs. */
static const struct tensor_row block_rows[] = {
	ROW("conv1.weight", "CI11", 0),
	BATCH_NORM_ROWS("bn1", "C", 0),
	ROW("conv2.weight", "CC33", 0),
	BATCH_NORM_ROWS("bn2", "C", 0),
	ROW("conv3.weight", "OC11", 0),
	BATCH_NORM_ROWS("bn3", "O", 0),
	ROW("downsample.0.weight", "OI11", SHORTCUT),
	BATCH_NORM_ROWS("downsample.1", "O", SHORTCUT),
};

/* F features, N positions, E projection_dim. */
static const struct tensor_row pool_rows[] = {
	ROW("positional_embedding", "NF", 0), ROW("k_proj.weight", "FF", 0),
	ROW("k_proj.bias", "F", 0),           ROW("q_proj.weight", "FF", 0),
	ROW("q_proj.bias", "F", 0),           ROW("v_proj.weight", "FF", 0),
	ROW("v_proj.bias", "F", 0),           ROW("c_proj.weight", "EF", 0),
	ROW("c_proj.bias", "E", 0),
};

/* The names of `rows` behind "vision_model." and `prefix`. */
static void list_rows(struct tensor_list *list, const struct tensor_row *rows, size_t n,
                      const char *prefix, const size_t *sizes, unsigned features)
{
	char canonical[64], source[64];
	snprintf(canonical, sizeof canonical, "vision_model.%s", prefix);
	snprintf(source, sizeof source, "visual.%s", prefix);
	const struct tensor_part part = { .prefix = canonical,
		                              .source_prefix = source,
		                              .dialect = list->naming.vision,
		                              .features = features,
		                              .sizes = sizes };
	tensor_list_rows(list, &part, rows, n);
}

static void list_stage(struct tensor_list *list, const struct resnet_config *resnet, size_t stage)
{
	size_t channels = resnet->width << stage, outputs = RESNET_EXPANSION * channels;
	size_t before = stage == 0 ? resnet->width : outputs / 2;
	for (size_t i = 0; i < resnet->layers[stage] && !tensor_list_full(list); i++) {
		size_t sizes[26] = { ['I' - 'A'] = i == 0 ? before : outputs,
			                 ['C' - 'A'] = channels,
			                 ['O' - 'A'] = outputs };
		char prefix[48];
		snprintf(prefix, sizeof prefix, "layer%zu.%zu.", stage + 1, i);
		list_rows(list, block_rows, sizeof block_rows / sizeof *block_rows, prefix, sizes,
		          i == 0 ? SHORTCUT : 0);
	}
}

static void list_tensors(struct tensor_list *list, const struct model_config *config)
{
	const struct resnet_config *resnet = &config->vision.resnet;
	size_t side = config->vision.image_size / RESNET_REDUCTION;
	size_t sizes[26] = { ['D' - 'A'] = resnet->width,
		                 ['H' - 'A'] = resnet->width / 2,
		                 ['F' - 'A'] = RESNET_FEATURES * resnet->width,
		                 ['N' - 'A'] = side * side + 1,
		                 ['E' - 'A'] = config->projection_dim };
	list_rows(list, stem_rows, sizeof stem_rows / sizeof *stem_rows, "", sizes, 0);
	for (size_t stage = 0; stage < RESNET_STAGES; stage++)
		list_stage(list, resnet, stage);
	list_rows(list, pool_rows, sizeof pool_rows / sizeof *pool_rows, "attnpool.", sizes, 0);
}

static clipcls_status check(const void *part, const char *path, clipcls_error *error)
{
	const struct vision_config *config = part;
	const struct resnet_config *resnet = &config->resnet;
	size_t features = RESNET_FEATURES * resnet->width;
	if (resnet->width % 2 != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: image tower: width %zu is not even", path,
		                 resnet->width);
	if (features % resnet->heads != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: image tower: %zu features are not a multiple of %zu heads", path,
		                 features, resnet->heads);
	if (config->image_size % RESNET_REDUCTION != 0)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: image_size %zu is not a multiple of %d", path, config->image_size,
		                 RESNET_REDUCTION);
	return CLIPCLS_OK;
}

static void describe(struct tower_shape *out, const void *part)
{
	const struct resnet_config *resnet = &((const struct vision_config *)part)->resnet;
	*out = (struct tower_shape){ .width = resnet->width,
		                         .heads = resnet->heads,
		                         .activation = ACTIVATION_RELU,
		                         .layer_norm_eps = RESNET_NORM_EPS };
	for (size_t stage = 0; stage < RESNET_STAGES; stage++)
		out->layers += resnet->layers[stage];
}

const struct tower_model resnet_model = {
	{ fields, sizeof fields / sizeof *fields }, check, list_tensors, describe
};
