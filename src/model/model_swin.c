/* Swin transformers, as open_clip has them from timm: Liu et al. 2021, "Swin Transformer". */
#include "model/swin_stage.h"
#include "model/tower_models.h"

#include <stdio.h>

/* Far above any tower; the bias of a window is its side to the fourth power. */
#define WINDOW_LIMIT 32
#define WIDTH_LIMIT ((size_t)1 << 16)
#define MLP_RATIO_LIMIT 64

#define SWIN_SIZE(key_, member, limit_)                                                           \
	{                                                                                             \
		.key = (key_), .kind = FIELD_SIZE, .offset = offsetof(struct vision_config, swin.member), \
		.limit = (limit_)                                                                         \
	}
#define STAGE_FIELDS(number, index)                        \
	SWIN_SIZE("stage" number "_layers", layers[index], 0), \
	    SWIN_SIZE("stage" number "_heads", heads[index], WIDTH_LIMIT)

static const struct config_field fields[] = {
	VISION_FIELDS,
	SWIN_SIZE("patch_size", patch_size, PIXEL_SIZE_LIMIT),
	SWIN_SIZE("window_size", window_size, WINDOW_LIMIT),
	SWIN_SIZE("width", width, WIDTH_LIMIT),
	STAGE_FIELDS("1", 0),
	STAGE_FIELDS("2", 1),
	STAGE_FIELDS("3", 2),
	STAGE_FIELDS("4", 3),
	SWIN_SIZE("mlp_ratio", mlp_ratio, MLP_RATIO_LIMIT),
	{ .key = "layer_norm_eps",
	  .kind = FIELD_NUMBER,
	  .offset = offsetof(struct vision_config, swin.layer_norm_eps) },
	{ .key = "projection_bias",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct vision_config, swin.projection_bias) },
};

enum feature { PROJECTION_BIAS = 1 << 0 };

/* D width, P patch_size, F width of the last stage. */
static const struct tensor_row trunk_rows[] = {
	{ .name = "patch_embed.proj.weight", .shape = "D3PP" },
	{ .name = "patch_embed.proj.bias", .shape = "D" },
	{ .name = "patch_embed.norm.weight", .shape = "D" },
	{ .name = "patch_embed.norm.bias", .shape = "D" },
	{ .name = "norm.weight", .shape = "F" },
	{ .name = "norm.bias", .shape = "F" },
};

/* E projection_dim, F width of the last stage. */
static const struct tensor_row projection_rows[] = {
	{ "visual_projection.weight", "EF",
	  .sources = { [DIALECT_TIMM] = FROM("visual.head.proj.weight") } },
	{ "visual_projection.bias", "E", PROJECTION_BIAS,
	  .sources = { [DIALECT_TIMM] = FROM("visual.head.proj.bias") } },
};

/* D width of the stage, F = 2*D: four patches of the stage before it. */
static const struct tensor_row merging_rows[] = {
	{ .name = "downsample.norm.weight", .shape = "F" },
	{ .name = "downsample.norm.bias", .shape = "F" },
	{ .name = "downsample.reduction.weight", .shape = "DF", .linear = true },
};

/* D width of the stage, M its mlp_width, H its heads, R relative positions. */
static const struct tensor_row block_rows[] = {
	{ .name = "norm1.weight", .shape = "D" },
	{ .name = "norm1.bias", .shape = "D" },
	{ "attn.q_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_TIMM] = FROM_PART("attn.qkv.weight", 0, 3) } },
	{ "attn.q_proj.bias", "D", .sources = { [DIALECT_TIMM] = FROM_PART("attn.qkv.bias", 0, 3) } },
	{ "attn.k_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_TIMM] = FROM_PART("attn.qkv.weight", 1, 3) } },
	{ "attn.k_proj.bias", "D", .sources = { [DIALECT_TIMM] = FROM_PART("attn.qkv.bias", 1, 3) } },
	{ "attn.v_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_TIMM] = FROM_PART("attn.qkv.weight", 2, 3) } },
	{ "attn.v_proj.bias", "D", .sources = { [DIALECT_TIMM] = FROM_PART("attn.qkv.bias", 2, 3) } },
	{ .name = "attn.relative_position_bias_table", .shape = "RH" },
	{ .name = "attn.proj.weight", .shape = "DD", .linear = true },
	{ .name = "attn.proj.bias", .shape = "D" },
	{ .name = "norm2.weight", .shape = "D" },
	{ .name = "norm2.bias", .shape = "D" },
	{ .name = "mlp.fc1.weight", .shape = "MD", .linear = true },
	{ .name = "mlp.fc1.bias", .shape = "M" },
	{ .name = "mlp.fc2.weight", .shape = "DM", .linear = true },
	{ .name = "mlp.fc2.bias", .shape = "D" },
};

/* One stage. part: the trunk. */
static void list_stage(struct tensor_list *list, const struct tensor_part *trunk,
                       const struct vision_config *config, size_t stage)
{
	const struct swin_stage shape = swin_stage_of(config, stage);
	const size_t positions = 2 * shape.window - 1;
	const size_t sizes[26] = { ['D' - 'A'] = shape.width,
		                       ['F' - 'A'] = 2 * shape.width,
		                       ['M' - 'A'] = shape.mlp_width,
		                       ['H' - 'A'] = shape.heads,
		                       ['R' - 'A'] = positions * positions };
	char names[64], sources[64];
	struct tensor_part part = *trunk;
	part.prefix = names;
	part.source_prefix = sources;
	part.sizes = sizes;
	snprintf(names, sizeof names, "%slayers.%zu.", trunk->prefix, stage);
	snprintf(sources, sizeof sources, "%slayers.%zu.", trunk->source_prefix, stage);
	if (stage > 0)
		TENSOR_LIST_ROWS(list, &part, merging_rows);
	for (size_t layer = 0; layer < shape.layers && !tensor_list_full(list); layer++) {
		snprintf(names, sizeof names, "%slayers.%zu.blocks.%zu.", trunk->prefix, stage, layer);
		snprintf(sources, sizeof sources, "%slayers.%zu.blocks.%zu.", trunk->source_prefix, stage,
		         layer);
		TENSOR_LIST_ROWS(list, &part, block_rows);
	}
}

static void list_tensors(struct tensor_list *list, const struct model_config *config)
{
	const struct vision_config *vision = &config->vision;
	const enum tensor_dialect dialect = list->naming.vision;
	const size_t sizes[26] = { ['D' - 'A'] = vision->swin.width,
		                       ['E' - 'A'] = config->projection_dim,
		                       ['F' - 'A'] = vision->swin.width << (SWIN_STAGES - 1),
		                       ['P' - 'A'] = vision->swin.patch_size };
	const unsigned features = vision->swin.projection_bias ? PROJECTION_BIAS : 0u;
	const struct tensor_part trunk = { .prefix = "vision_model.",
		                               .source_prefix = dialect == DIALECT_TIMM ? "visual.trunk."
		                                                                        : "vision_model.",
		                               .dialect = dialect,
		                               .sizes = sizes };
	const struct tensor_part head = {
		.prefix = "", .source_prefix = "", .dialect = dialect, .features = features, .sizes = sizes
	};
	TENSOR_LIST_ROWS(list, &trunk, trunk_rows);
	for (size_t stage = 0; stage < SWIN_STAGES; stage++)
		list_stage(list, &trunk, vision, stage);
	TENSOR_LIST_ROWS(list, &head, projection_rows);
}

static struct transformer_config transformer_of(const struct vision_config *config, size_t stage)
{
	const struct swin_stage shape = swin_stage_of(config, stage);
	return (struct transformer_config){ .width = shape.width,
		                                .layers = shape.layers,
		                                .heads = shape.heads,
		                                .mlp_width = shape.mlp_width,
		                                .activation = ACTIVATION_GELU,
		                                .layer_norm_eps = config->swin.layer_norm_eps };
}

/* timm would fill up a picture that windows or pairs of patches do not cover evenly; none of its
 * models has one. */
static clipcls_status check(const void *part, const char *path, clipcls_error *error)
{
	const struct vision_config *config = part;
	const struct swin_config *swin = &config->swin;
	const size_t last = (size_t)1 << (SWIN_STAGES - 1);
	if (config->image_size % (swin->patch_size * last) != 0)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: image_size %zu is not a multiple of %zu times patch_size %zu", path,
		                 config->image_size, last, swin->patch_size);
	for (size_t stage = 0; stage < SWIN_STAGES; stage++) {
		const struct swin_stage shape = swin_stage_of(config, stage);
		const struct transformer_config transformer = transformer_of(config, stage);
		clipcls_status status = transformer_config_check(&transformer, "image", path, error);
		if (status != CLIPCLS_OK)
			return status;
		if (shape.side % shape.window != 0)
			return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
			                 "%s: stage %zu: %zu patches a side are not a multiple of window_size "
			                 "%zu",
			                 path, stage + 1, shape.side, shape.window);
	}
	return CLIPCLS_OK;
}

/* Of the last stage, which the embedding comes from, but for all the layers. */
static void describe(struct tower_shape *out, const void *part)
{
	const struct vision_config *config = part;
	const struct transformer_config last = transformer_of(config, SWIN_STAGES - 1);
	*out = transformer_shape(&last);
	out->patch_size = config->swin.patch_size;
	for (size_t stage = 0; stage + 1 < SWIN_STAGES; stage++)
		out->layers += config->swin.layers[stage];
}

const struct tower_model swin_model = {
	{ fields, sizeof fields / sizeof *fields }, check, list_tensors, describe
};
