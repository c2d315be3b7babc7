/* text_cfg: open_clip's text transformer, and which tokenizer goes with it. */
#include "model/openclip.h"

#include <string.h>

#define SIZE_TOO_LARGE 9007199254740992.0 /* 2^53: doubles are whole numbers up to here */

/* GELU, unless the model says quick_gelu; its tanh form by act_kwargs. */
static enum activation read_activation(struct config_reader *tower, bool quick_gelu)
{
	const json *kwargs = config_get(tower, "act_kwargs");
	const char *approximate = json_string(json_get(kwargs, "approximate"), "");
	if (kwargs == NULL)
		return quick_gelu ? ACTIVATION_QUICK_GELU : ACTIVATION_GELU;
	if (!quick_gelu && json_count(kwargs) == 1 && strcmp(approximate, "tanh") == 0)
		return ACTIVATION_GELU_TANH;
	if (!quick_gelu &&
	    (json_count(kwargs) == 0 || (json_count(kwargs) == 1 && strcmp(approximate, "none") == 0)))
		return ACTIVATION_GELU;
	config_unsupported(tower, "act_kwargs");
	return ACTIVATION_GELU;
}

static double read_layer_norm_eps(struct config_reader *tower)
{
	const json *kwargs = config_get(tower, "norm_kwargs");
	const json *eps = json_get(kwargs, "eps");
	if (kwargs != NULL && json_count(kwargs) != (json_is_number(eps) ? 1u : 0u))
		config_unsupported(tower, "norm_kwargs");
	return json_number(eps, 1e-5);
}

void openclip_read_transformer(struct transformer_config *out, struct config_reader *tower,
                               bool quick_gelu, size_t width)
{
	out->width = config_size(tower, "width", width);
	out->layers = config_size(tower, "layers", 12);
	/* int(width * mlp_ratio) in ResidualAttentionBlock. */
	double mlp_width = (double)out->width * config_number(tower, "mlp_ratio", 4.0);
	if (mlp_width >= 1 && mlp_width < SIZE_TOO_LARGE)
		out->mlp_width = (size_t)mlp_width;
	else
		config_fail(tower, CLIPCLS_ERR_FORMAT, "mlp_ratio", "is out of range");
	out->activation = read_activation(tower, quick_gelu);
	out->layer_norm_eps = read_layer_norm_eps(tower);
}

static enum pooling read_pooling(struct config_reader *tower)
{
	static const char *const words[] = { [POOLING_ARGMAX] = "argmax",
		                                 [POOLING_END_TOKEN] = "eos",
		                                 [POOLING_FIRST] = "first",
		                                 [POOLING_LAST] = "last",
		                                 NULL };
	return (enum pooling)config_word(tower, "pool_type", words, POOLING_ARGMAX);
}

/* HFTokenizer's keyword arguments. */
static void read_tokenizer_arguments(struct tokenizer_config *out, struct config_reader *tower)
{
	static const char *const words[] = { "whitespace", "lower", "canonicalize", NULL };
	static const enum text_cleaning cleanings[] = { TEXT_CLEANING_OPENCLIP_WHITESPACE,
		                                            TEXT_CLEANING_OPENCLIP_LOWER,
		                                            TEXT_CLEANING_OPENCLIP_CANONICALIZE };
	struct config_reader arguments =
	    config_enter(tower, "tokenizer_kwargs", "text_cfg.tokenizer_kwargs.");
	out->cleaning = cleanings[config_word(&arguments, "clean", words, 0)];
	out->strip_sep_token = config_bool(&arguments, "strip_sep_token", false);
	for (const json *key = json_first(arguments.object); key != NULL; key = json_next(key))
		if (strcmp(json_key(key), "clean") != 0 && strcmp(json_key(key), "strip_sep_token") != 0)
			config_unsupported(&arguments, json_key(key));
	config_leave(tower, &arguments);
}

static void read_tokenizer(struct tokenizer_config *out, struct config_reader *tower)
{
	const char *name = config_string(tower, "hf_tokenizer_name", "");
	out->cleaning = TEXT_CLEANING_OPENCLIP;
	if (name[0] == '\0') {
		if (json_count(config_get(tower, "tokenizer_kwargs")) > 0)
			config_unsupported(tower, "tokenizer_kwargs");
		return;
	}
	out->kind = strncmp(name, "bert-", 5) == 0 ? TOKENIZER_WORDPIECE : TOKENIZER_SENTENCEPIECE;
	read_tokenizer_arguments(out, tower);
}

void openclip_read_text(struct openclip_model *model, struct config_reader *tower)
{
	struct text_config *out = &model->config->text;
	openclip_read_transformer(&out->transformer, tower, model->quick_gelu, 512);
	out->transformer.heads = config_size(tower, "heads", 8);
	out->vocab_size = config_size(tower, "vocab_size", CLIP_VOCAB_SIZE);
	out->context_length = config_size(tower, "context_length", 77);
	out->eos_token_id = config_id(tower, "eos_id", 2);
	out->pad_token_id = config_id(tower, "pad_id", 0);
	out->attention = config_bool(tower, "no_causal_mask", false) ? TEXT_ATTENTION_CONTEXT
	                                                             : TEXT_ATTENTION_CAUSAL;
	out->pooling = read_pooling(tower);
	static const char *const projections[] = { "none", "linear", NULL };
	out->projection = config_word(tower, "proj_type", projections, 1) == 1;
	out->projection_bias = out->projection && config_bool(tower, "proj_bias", false);
	read_tokenizer(&model->config->tokenizer, tower);
}
