/* The text transformer that CLIP, SigLIP and open_clip share, and the blocks of it, which vision
 * transformers have, too. */
#include "model/tower_models.h"

#include <stdio.h>

const char *const text_attention_words[] = { "causal", "prompt", "context", NULL };
const char *const text_pooling_words[] = { "argmax", "end_token", "first", "last", NULL };

static const struct config_field fields[] = {
	TRANSFORMER_FIELDS(struct text_config, transformer),
	TEXT_FIELDS,
	{ .key = "attention",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct text_config, attention),
	  .words = text_attention_words,
	  .optional = true,
	  .fallback = TEXT_ATTENTION_CAUSAL },
	{ .key = "pooling",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct text_config, pooling),
	  .words = text_pooling_words },
	{ .key = "eos_token_id",
	  .kind = FIELD_ID,
	  .offset = offsetof(struct text_config, eos_token_id) },
	{ .key = "pad_token_id",
	  .kind = FIELD_ID,
	  .offset = offsetof(struct text_config, pad_token_id),
	  .optional = true },
	{ .key = "pad_left",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct text_config, pad_left),
	  .optional = true },
	{ .key = "projection",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct text_config, projection),
	  .optional = true,
	  .fallback = true },
	{ .key = "projection_bias",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct text_config, projection_bias),
	  .optional = true },
};

/* Parts that a config has or lacks. */
enum feature {
	PROJECTION_MATRIX = 1 << 0, /* as CLIP has it: without a bias */
	PROJECTION_LINEAR = 1 << 1  /* with one */
};

/* D width, E projection_dim, N positions, V vocab_size. */
static const struct tensor_row rows[] = {
	{ "text_model.embeddings.token_embedding.weight", "VD",
	  .sources = { [DIALECT_OPENCLIP] = FROM("token_embedding.weight") } },
	{ "text_model.embeddings.position_embedding.weight", "ND",
	  .sources = { [DIALECT_OPENCLIP] = FROM("positional_embedding") } },
	{ "text_model.final_layer_norm.weight", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_final.weight") } },
	{ "text_model.final_layer_norm.bias", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_final.bias") } },
	{ "text_projection.weight", "ED", PROJECTION_MATRIX,
	  .sources = { [DIALECT_OPENCLIP] = FROM_TRANSPOSED("text_projection") } },
	{ "text_projection.weight", "ED", PROJECTION_LINEAR,
	  .sources = { [DIALECT_SIGLIP] = FROM("text_model.head.weight"),
	               [DIALECT_OPENCLIP] = FROM("text_projection.weight") } },
	{ "text_projection.bias", "E", PROJECTION_LINEAR,
	  .sources = { [DIALECT_SIGLIP] = FROM("text_model.head.bias"),
	               [DIALECT_OPENCLIP] = FROM("text_projection.bias") } },
};

/* Parts that a transformer's config has or lacks. */
enum block_feature { KEY_BIAS = 1 << 0, ATTENTION_NORM = 1 << 1, GATE = 1 << 2, MLP_NORM = 1 << 3 };

/* D width, M mlp_width. */
static const struct tensor_row block_rows[] = {
	{ "layer_norm1.weight", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_1.weight"),
	               [DIALECT_TIMM] = FROM("norm1.weight") } },
	{ "layer_norm1.bias", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_1.bias"), [DIALECT_TIMM] = FROM("norm1.bias") } },
	{ "self_attn.q_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_OPENCLIP] = FROM_PART("attn.in_proj_weight", 0, 3),
	               [DIALECT_TIMM] = FROM_PART("attn.qkv.weight", 0, 3),
	               [DIALECT_TIMM_EVA02] = FROM("attn.q_proj.weight") } },
	{ "self_attn.q_proj.bias", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM_PART("attn.in_proj_bias", 0, 3),
	               [DIALECT_TIMM] = FROM_PART("attn.qkv.bias", 0, 3),
	               [DIALECT_TIMM_EVA] = FROM("attn.q_bias"),
	               [DIALECT_TIMM_EVA02] = FROM("attn.q_proj.bias") } },
	{ "self_attn.k_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_OPENCLIP] = FROM_PART("attn.in_proj_weight", 1, 3),
	               [DIALECT_TIMM] = FROM_PART("attn.qkv.weight", 1, 3),
	               [DIALECT_TIMM_EVA02] = FROM("attn.k_proj.weight") } },
	{ "self_attn.k_proj.bias", "D", KEY_BIAS,
	  .sources = { [DIALECT_OPENCLIP] = FROM_PART("attn.in_proj_bias", 1, 3),
	               [DIALECT_TIMM] = FROM_PART("attn.qkv.bias", 1, 3) } },
	{ "self_attn.v_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_OPENCLIP] = FROM_PART("attn.in_proj_weight", 2, 3),
	               [DIALECT_TIMM] = FROM_PART("attn.qkv.weight", 2, 3),
	               [DIALECT_TIMM_EVA02] = FROM("attn.v_proj.weight") } },
	{ "self_attn.v_proj.bias", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM_PART("attn.in_proj_bias", 2, 3),
	               [DIALECT_TIMM] = FROM_PART("attn.qkv.bias", 2, 3),
	               [DIALECT_TIMM_EVA] = FROM("attn.v_bias"),
	               [DIALECT_TIMM_EVA02] = FROM("attn.v_proj.bias") } },
	{ "self_attn.norm.weight", "D", ATTENTION_NORM,
	  .sources = { [DIALECT_TIMM] = FROM("attn.norm.weight") } },
	{ "self_attn.norm.bias", "D", ATTENTION_NORM,
	  .sources = { [DIALECT_TIMM] = FROM("attn.norm.bias") } },
	{ "self_attn.out_proj.weight", "DD", .linear = true,
	  .sources = { [DIALECT_OPENCLIP] = FROM("attn.out_proj.weight"),
	               [DIALECT_TIMM] = FROM("attn.proj.weight") } },
	{ "self_attn.out_proj.bias", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("attn.out_proj.bias"),
	               [DIALECT_TIMM] = FROM("attn.proj.bias") } },
	{ "layer_norm2.weight", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_2.weight"),
	               [DIALECT_TIMM] = FROM("norm2.weight") } },
	{ "layer_norm2.bias", "D",
	  .sources = { [DIALECT_OPENCLIP] = FROM("ln_2.bias"), [DIALECT_TIMM] = FROM("norm2.bias") } },
	{ "mlp.fc1.weight", "MD", .linear = true,
	  .sources = { [DIALECT_OPENCLIP] = FROM("mlp.c_fc.weight"),
	               [DIALECT_TIMM_EVA02] = FROM("mlp.fc1_x.weight") } },
	{ "mlp.fc1.bias", "M",
	  .sources = { [DIALECT_OPENCLIP] = FROM("mlp.c_fc.bias"),
	               [DIALECT_TIMM_EVA02] = FROM("mlp.fc1_x.bias") } },
	{ "mlp.fc1_g.weight", "MD", GATE, .linear = true },
	{ .name = "mlp.fc1_g.bias", .shape = "M", .needs = GATE },
	{ .name = "mlp.norm.weight", .shape = "M", .needs = MLP_NORM },
	{ .name = "mlp.norm.bias", .shape = "M", .needs = MLP_NORM },
	{ "mlp.fc2.weight", "DM", .linear = true,
	  .sources = { [DIALECT_OPENCLIP] = FROM("mlp.c_proj.weight") } },
	{ "mlp.fc2.bias", "D", .sources = { [DIALECT_OPENCLIP] = FROM("mlp.c_proj.bias") } },
};

static unsigned block_features_of(const struct transformer_config *config)
{
	return (config->no_key_bias ? 0u : KEY_BIAS) | (config->attention_norm ? ATTENTION_NORM : 0u) |
	       (config->gated_mlp ? GATE : 0u) | (config->mlp_norm ? MLP_NORM : 0u);
}

void transformer_list(struct tensor_list *list, const struct tensor_part *tower, const char *prefix,
                      const char *source_prefix, const struct transformer_config *config)
{
	char names[64], sources[64];
	const size_t sizes[26] = { ['D' - 'A'] = config->width, ['M' - 'A'] = config->mlp_width };
	struct tensor_part part = *tower;
	part.prefix = names;
	part.source_prefix = sources;
	part.sizes = sizes;
	part.features = block_features_of(config);
	for (size_t layer = 0; layer < config->layers && !tensor_list_full(list); layer++) {
		snprintf(names, sizeof names, "%s%zu.", prefix, layer);
		snprintf(sources, sizeof sources, "%s%zu.", source_prefix, layer);
		TENSOR_LIST_ROWS(list, &part, block_rows);
	}
}

static void list_tensors(struct tensor_list *list, const struct model_config *config)
{
	const struct text_config *text = &config->text;
	const bool openclip = list->naming.text == DIALECT_OPENCLIP;
	const bool custom = list->naming.text == DIALECT_OPENCLIP_TEXT;
	const size_t sizes[26] = { ['D' - 'A'] = text->transformer.width,
		                       ['E' - 'A'] = config->projection_dim,
		                       ['N' - 'A'] = text->context_length,
		                       ['V' - 'A'] = text->vocab_size };
	const struct tensor_part part = {
		.prefix = "",
		.source_prefix = custom ? "text." : "",
		.dialect = custom ? DIALECT_OPENCLIP : list->naming.text,
		.features = !text->projection       ? 0u
		            : text->projection_bias ? PROJECTION_LINEAR
		                                    : PROJECTION_MATRIX,
		.sizes = sizes,
	};
	TENSOR_LIST_ROWS(list, &part, rows);
	transformer_list(list, &part, "text_model.encoder.layers.",
	                 custom     ? "text.transformer.resblocks."
	                 : openclip ? "transformer.resblocks."
	                            : "text_model.encoder.layers.",
	                 &text->transformer);
}

clipcls_status text_config_check(const struct text_config *config, const char *path,
                                 clipcls_error *error)
{
	clipcls_status status = transformer_config_check(&config->transformer, "text", path, error);
	if (status == CLIPCLS_OK && config->context_length < 2)
		status = error_set(error, CLIPCLS_ERR_FORMAT,
		                   "%s: context_length leaves no room for start and end", path);
	return status;
}

static clipcls_status check(const void *part, const char *path, clipcls_error *error)
{
	const struct text_config *config = part;
	clipcls_status status = text_config_check(config, path, error);
	if (status == CLIPCLS_OK && config->attention == TEXT_ATTENTION_CAUSAL &&
	    (config->pooling == POOLING_FIRST || config->pooling == POOLING_LAST))
		status = error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                   "%s: pooling \"%s\" with causal attention is not supported", path,
		                   text_pooling_words[config->pooling]);
	return status;
}

void text_describe(struct tower_shape *out, const void *part)
{
	const struct text_config *config = part;
	*out = transformer_shape(&config->transformer);
}

const struct tower_model text_model = {
	{ fields, sizeof fields / sizeof *fields }, check, list_tensors, text_describe
};
