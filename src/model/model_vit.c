/* Vision transformers: CLIP's, SigLIP's, and open_clip's and timm's of the same parts. */
#include "base/checked.h"
#include "model/tower_models.h"

#include <stdio.h>

static const char *const pooling_words[] = { "class", "average", "map", NULL };

#define BOOL(key_, member, fallback_)                                                            \
	{                                                                                            \
		.key = (key_), .kind = FIELD_BOOL, .offset = offsetof(struct vision_config, vit.member), \
		.optional = true, .fallback = (fallback_)                                                \
	}

/* Single files of before there were other kinds lack what is optional. */
static const struct config_field fields[] = {
	TRANSFORMER_FIELDS(struct vision_config, vit.transformer),
	VISION_FIELDS,
	{ .key = "patch_size",
	  .kind = FIELD_SIZE,
	  .offset = offsetof(struct vision_config, vit.patch_size),
	  .limit = PIXEL_SIZE_LIMIT },
	{ .key = "position_grid",
	  .kind = FIELD_SIZE,
	  .offset = offsetof(struct vision_config, vit.position_grid),
	  .limit = PIXEL_SIZE_LIMIT,
	  .optional = true },
	BOOL("class_token", class_token, true),
	BOOL("patch_bias", patch_bias, false),
	BOOL("pre_norm", pre_norm, true),
	BOOL("norm_after_pooling", norm_after_pooling, false),
	BOOL("gated_mlp", transformer.gated_mlp, false),
	BOOL("attention_norm", transformer.attention_norm, false),
	BOOL("mlp_norm", transformer.mlp_norm, false),
	BOOL("residual_post_norm", transformer.residual_post_norm, false),
	BOOL("no_key_bias", transformer.no_key_bias, false),
	{ .key = "rotary_side",
	  .kind = FIELD_SIZE,
	  .offset = offsetof(struct vision_config, vit.rotary_side),
	  .limit = PIXEL_SIZE_LIMIT,
	  .optional = true },
	{ .key = "pooling",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct vision_config, vit.pooling),
	  .words = pooling_words,
	  .optional = true,
	  .fallback = VIT_POOLING_CLASS },
	BOOL("projection", projection, true),
	BOOL("projection_bias", projection_bias, false),
};

/* Parts that a config has or lacks. */
enum feature {
	CLASS_TOKEN = 1 << 0,
	PATCH_BIAS = 1 << 1,
	PRE_NORM = 1 << 2,
	NORM_BEFORE = 1 << 3,
	NORM_AFTER = 1 << 4,
	MAP = 1 << 5,
	PROJECTION = 1 << 6,
	PROJECTION_BIAS = 1 << 7
};

/* D width, M mlp_width, E projection_dim, N positions, P patch_size. */
static const struct tensor_row rows[] = {
	{ "vision_model.embeddings.class_embedding", "D", CLASS_TOKEN,
	  .sources = { [DIALECT_OPENCLIP] = FROM("class_embedding"),
	               [DIALECT_TIMM] = FROM_ONES("trunk.cls_token", 2) } },
	{ "vision_model.embeddings.patch_embedding.weight", "D3PP",
	  .sources = { [DIALECT_OPENCLIP] = FROM("conv1.weight"),
	               [DIALECT_TIMM] = FROM("trunk.patch_embed.proj.weight") } },
	{ "vision_model.embeddings.patch_embedding.bias", "D", PATCH_BIAS,
	  .sources = { [DIALECT_TIMM] = FROM("trunk.patch_embed.proj.bias") } },
	{ "vision_model.embeddings.position_embedding.weight", "ND",
	  .sources = { [DIALECT_OPENCLIP] = FROM("positional_embedding"),
	               [DIALECT_TIMM] = FROM_ONES("trunk.pos_embed", 1) } },
	{ "vision_model.pre_layrnorm.weight", "D", PRE_NORM,
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_pre.weight"),
	               [DIALECT_TIMM] = FROM("trunk.norm_pre.weight") } },
	{ "vision_model.pre_layrnorm.bias", "D", PRE_NORM,
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_pre.bias"),
	               [DIALECT_TIMM] = FROM("trunk.norm_pre.bias") } },
	{ "vision_model.post_layernorm.weight", "D", NORM_BEFORE,
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_post.weight"),
	               [DIALECT_TIMM] = FROM("trunk.norm.weight") } },
	{ "vision_model.post_layernorm.bias", "D", NORM_BEFORE,
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_post.bias"),
	               [DIALECT_TIMM] = FROM("trunk.norm.bias") } },
	{ "vision_model.post_layernorm.weight", "D", NORM_AFTER,
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_post.weight"),
	               [DIALECT_TIMM] = FROM("trunk.fc_norm.weight") } },
	{ "vision_model.post_layernorm.bias", "D", NORM_AFTER,
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_post.bias"),
	               [DIALECT_TIMM] = FROM("trunk.fc_norm.bias") } },
	{ "visual_projection.weight", "ED", PROJECTION,
	  .sources = { [DIALECT_OPENCLIP] = FROM_TRANSPOSED("proj"),
	               [DIALECT_TIMM] = FROM("head.proj.weight"),
	               [DIALECT_TIMM_HEAD] = FROM("trunk.head.weight") } },
	{ "visual_projection.bias", "E", PROJECTION | PROJECTION_BIAS,
	  .sources = { [DIALECT_TIMM] = FROM("head.proj.bias"),
	               [DIALECT_TIMM_HEAD] = FROM("trunk.head.bias") } },
};

/* The pooling head of SigLIP. */
static const struct tensor_row map_rows[] = {
	{ "probe", "D",
	  .sources = { [DIALECT_SIGLIP] = FROM_ONES("probe", 2),
	               [DIALECT_TIMM] = FROM_ONES("latent", 2) } },
	{ "attention.q_proj.weight", "DD",
	  .sources = { [DIALECT_SIGLIP] = FROM_PART("attention.in_proj_weight", 0, 3),
	               [DIALECT_TIMM] = FROM("q.weight") } },
	{ "attention.q_proj.bias", "D",
	  .sources = { [DIALECT_SIGLIP] = FROM_PART("attention.in_proj_bias", 0, 3),
	               [DIALECT_TIMM] = FROM("q.bias") } },
	{ "attention.k_proj.weight", "DD",
	  .sources = { [DIALECT_SIGLIP] = FROM_PART("attention.in_proj_weight", 1, 3),
	               [DIALECT_TIMM] = FROM_PART("kv.weight", 0, 2) } },
	{ "attention.k_proj.bias", "D",
	  .sources = { [DIALECT_SIGLIP] = FROM_PART("attention.in_proj_bias", 1, 3),
	               [DIALECT_TIMM] = FROM_PART("kv.bias", 0, 2) } },
	{ "attention.v_proj.weight", "DD",
	  .sources = { [DIALECT_SIGLIP] = FROM_PART("attention.in_proj_weight", 2, 3),
	               [DIALECT_TIMM] = FROM_PART("kv.weight", 1, 2) } },
	{ "attention.v_proj.bias", "D",
	  .sources = { [DIALECT_SIGLIP] = FROM_PART("attention.in_proj_bias", 2, 3),
	               [DIALECT_TIMM] = FROM_PART("kv.bias", 1, 2) } },
	{ "attention.out_proj.weight", "DD", .sources = { [DIALECT_TIMM] = FROM("proj.weight") } },
	{ "attention.out_proj.bias", "D", .sources = { [DIALECT_TIMM] = FROM("proj.bias") } },
	{ "layernorm.weight", "D", .sources = { [DIALECT_TIMM] = FROM("norm.weight") } },
	{ "layernorm.bias", "D", .sources = { [DIALECT_TIMM] = FROM("norm.bias") } },
	{ .name = "mlp.fc1.weight", .shape = "MD" },
	{ .name = "mlp.fc1.bias", .shape = "M" },
	{ .name = "mlp.fc2.weight", .shape = "DM" },
	{ .name = "mlp.fc2.bias", .shape = "D" },
};

static unsigned features_of(const struct vit_config *config)
{
	return (config->class_token ? CLASS_TOKEN : 0u) | (config->patch_bias ? PATCH_BIAS : 0u) |
	       (config->pre_norm ? PRE_NORM : 0u) |
	       (config->norm_after_pooling ? NORM_AFTER : NORM_BEFORE) |
	       (config->projection ? PROJECTION : 0u) |
	       (config->projection_bias ? PROJECTION_BIAS : 0u);
}

/* What stands before the names of a dialect. */
struct prefixes {
	const char *ends, *blocks, *map;
};
#define TIMM_PREFIXES                                                \
	{                                                                \
		"visual.", "visual.trunk.blocks.", "visual.trunk.attn_pool." \
	}

static void list_tensors(struct tensor_list *list, const struct model_config *config)
{
	static const char blocks[] = "vision_model.encoder.layers.", map[] = "vision_model.head.";
	static const struct prefixes all[TENSOR_DIALECTS] = {
		[DIALECT_CANONICAL] = { "", blocks, map },
		[DIALECT_SIGLIP] = { "", blocks, map },
		[DIALECT_OPENCLIP] = { "visual.", "visual.transformer.resblocks.", map },
		[DIALECT_TIMM] = TIMM_PREFIXES,
		[DIALECT_TIMM_HEAD] = TIMM_PREFIXES,
		[DIALECT_TIMM_EVA] = TIMM_PREFIXES,
		[DIALECT_TIMM_EVA02] = TIMM_PREFIXES,
	};
	const struct vit_config *vit = &config->vision.vit;
	const struct prefixes *prefixes = &all[list->naming.vision];
	size_t side =
	    vit->position_grid > 0 ? vit->position_grid : config->vision.image_size / vit->patch_size;
	size_t sizes[26] = { ['D' - 'A'] = vit->transformer.width,
		                 ['M' - 'A'] = vit->transformer.mlp_width,
		                 ['E' - 'A'] = config->projection_dim,
		                 ['N' - 'A'] = side * side + (vit->class_token ? 1 : 0),
		                 ['P' - 'A'] = vit->patch_size };
	struct tensor_part part = { .prefix = "",
		                        .source_prefix = prefixes->ends,
		                        .dialect = list->naming.vision,
		                        .features = features_of(vit),
		                        .sizes = sizes };
	TENSOR_LIST_ROWS(list, &part, rows);
	transformer_list(list, &part, blocks, prefixes->blocks, &vit->transformer);
	if (vit->pooling != VIT_POOLING_MAP)
		return;
	part.prefix = map;
	part.source_prefix = prefixes->map;
	TENSOR_LIST_ROWS(list, &part, map_rows);
}

static clipcls_status check(const void *part, const char *path, clipcls_error *error)
{
	const struct vision_config *config = part;
	const struct vit_config *vit = &config->vit;
	clipcls_status status = transformer_config_check(&vit->transformer, "image", path, error);
	if (status == CLIPCLS_OK && config->image_size < vit->patch_size)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: image_size %zu is below patch_size %zu",
		                   path, config->image_size, vit->patch_size);
	if (status == CLIPCLS_OK && vit->rotary_side > 0 &&
	    vit->transformer.width / vit->transformer.heads % 4 != 0)
		status = error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                   "%s: rotary positions for heads of width %zu are not supported", path,
		                   vit->transformer.width / vit->transformer.heads);
	return status;
}

static void describe(struct tower_shape *out, const void *part)
{
	const struct vision_config *config = part;
	*out = transformer_shape(&config->vit.transformer);
	out->patch_size = config->vit.patch_size;
}

const struct tower_model vit_model = {
	{ fields, sizeof fields / sizeof *fields }, check, list_tensors, describe
};
