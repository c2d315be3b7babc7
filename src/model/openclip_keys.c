#include "model/openclip_keys.h"

#include <string.h>

enum kind {
	KEY_READ,   /* the layout reads it, or it does not matter to inference */
	KEY_OFF,    /* false, null, 0 or empty */
	KEY_DEFAULT /* null, or the word that is its default */
};

struct key {
	const char *name;
	enum kind kind;
	const char *word;
};

/* CLIP.__init__ and factory.create_model. multimodal_cfg belongs to CoCa. */
static const struct key model_keys[] = {
	{ "embed_dim", KEY_READ, NULL },
	{ "vision_cfg", KEY_READ, NULL },
	{ "text_cfg", KEY_READ, NULL },
	{ "quick_gelu", KEY_READ, NULL },
	{ "custom_text", KEY_READ, NULL },
	{ "init_logit_scale", KEY_READ, NULL },
	{ "nonscalar_logit_scale", KEY_READ, NULL },
	{ "cast_dtype", KEY_READ, NULL },
	{ "output_dict", KEY_READ, NULL },
	{ "init_logit_bias", KEY_READ, NULL },
	{ "multimodal_cfg", KEY_DEFAULT, NULL },
	{ NULL, KEY_READ, NULL },
};

/* CLIPVisionCfg. What belongs to a switch that is off does not matter. */
static const struct key vision_keys[] = {
	{ "layers", KEY_READ, NULL },
	{ "width", KEY_READ, NULL },
	{ "head_width", KEY_READ, NULL },
	{ "mlp_ratio", KEY_READ, NULL },
	{ "patch_size", KEY_READ, NULL },
	{ "image_size", KEY_READ, NULL },
	{ "act_kwargs", KEY_READ, NULL },
	{ "norm_kwargs", KEY_READ, NULL },
	{ "patch_dropout", KEY_READ, NULL },
	{ "pos_embed_type", KEY_READ, NULL }, /* either kind is stored as a tensor */
	{ "attn_pooler_queries", KEY_READ, NULL },
	{ "attn_pooler_heads", KEY_READ, NULL },
	{ "timm_model_pretrained", KEY_READ, NULL },
	{ "timm_pool", KEY_READ, NULL },
	{ "timm_proj", KEY_READ, NULL },
	{ "timm_proj_bias", KEY_READ, NULL },
	{ "timm_drop", KEY_READ, NULL },
	{ "timm_drop_path", KEY_READ, NULL },
	{ "timm_model_name", KEY_READ, NULL },
	{ "ls_init_value", KEY_DEFAULT, NULL }, /* 0 is a layer scale, too */
	{ "attentional_pool", KEY_OFF, NULL },
	{ "no_ln_pre", KEY_READ, NULL },
	{ "final_ln_after_pool", KEY_READ, NULL },
	{ "output_tokens", KEY_OFF, NULL },
	{ "pool_type", KEY_READ, NULL },
	{ "block_type", KEY_DEFAULT, "default" },
	{ "qk_norm", KEY_OFF, NULL },
	{ "scaled_cosine_attn", KEY_OFF, NULL },
	{ "scale_heads", KEY_OFF, NULL },
	{ "scale_attn_inner", KEY_OFF, NULL },
	{ "scale_attn", KEY_OFF, NULL },
	{ "scale_fc", KEY_OFF, NULL },
	{ NULL, KEY_READ, NULL },
};

/* CLIPTextCfg. pad_id does not matter to a causal tower that stops at the end token. */
static const struct key text_keys[] = {
	{ "context_length", KEY_READ, NULL },
	{ "vocab_size", KEY_READ, NULL },
	{ "width", KEY_READ, NULL },
	{ "heads", KEY_READ, NULL },
	{ "layers", KEY_READ, NULL },
	{ "mlp_ratio", KEY_READ, NULL },
	{ "pad_id", KEY_READ, NULL },
	{ "eos_id", KEY_READ, NULL },
	{ "pool_type", KEY_READ, NULL },
	{ "act_kwargs", KEY_READ, NULL },
	{ "norm_kwargs", KEY_READ, NULL },
	{ "final_ln_after_pool", KEY_READ, NULL }, /* the text tower does not look at it */
	{ "hf_model_pretrained", KEY_READ, NULL },
	{ "hf_proj_type", KEY_READ, NULL },
	{ "hf_pooler_type", KEY_READ, NULL },
	{ "hf_model_name", KEY_OFF, NULL },
	{ "hf_tokenizer_name", KEY_READ, NULL },
	{ "tokenizer_mode", KEY_OFF, NULL },
	{ "tokenizer_kwargs", KEY_READ, NULL },
	{ "ls_init_value", KEY_DEFAULT, NULL },
	{ "embed_cls", KEY_OFF, NULL },
	{ "no_causal_mask", KEY_READ, NULL },
	{ "proj_bias", KEY_READ, NULL },
	{ "proj_type", KEY_READ, NULL },
	{ "output_tokens", KEY_OFF, NULL },
	{ "block_type", KEY_DEFAULT, "default" },
	{ "qk_norm", KEY_OFF, NULL },
	{ "scaled_cosine_attn", KEY_OFF, NULL },
	{ "scale_heads", KEY_OFF, NULL },
	{ "scale_attn_inner", KEY_OFF, NULL },
	{ "scale_attn", KEY_OFF, NULL },
	{ "scale_fc", KEY_OFF, NULL },
	{ NULL, KEY_READ, NULL },
};

/* What Python takes for false. */
static bool is_off(const json *value)
{
	if (json_is_bool(value))
		return !json_bool(value, true);
	if (json_is_number(value))
		return json_number(value, 1) == 0;
	if (json_is_string(value))
		return json_string(value, "")[0] == '\0';
	return json_is_null(value) || json_count(value) == 0;
}

static bool is_harmless(const struct key *key, const json *value)
{
	switch (key->kind) {
	case KEY_READ: return true;
	case KEY_OFF: return is_off(value);
	case KEY_DEFAULT:
		return json_is_null(value) ||
		       (key->word != NULL && strcmp(json_string(value, ""), key->word) == 0);
	}
	return false;
}

void openclip_check_keys(struct config_reader *section, enum openclip_section which)
{
	static const struct key *const tables[] = {
		[OPENCLIP_MODEL] = model_keys,
		[OPENCLIP_VISION] = vision_keys,
		[OPENCLIP_TEXT] = text_keys,
	};
	for (const json *value = json_first(section->object); value != NULL; value = json_next(value)) {
		const struct key *key = tables[which];
		while (key->name != NULL && strcmp(key->name, json_key(value)) != 0)
			key++;
		if (key->name == NULL || !is_harmless(key, value))
			config_unsupported(section, json_key(value));
	}
}
