/* Hugging Face directories: config.json, model.safetensors (or shards), tokenizer and image
 * processor files. */
#include "base/file.h"
#include "model/config_check.h"
#include "model/config_reader.h"
#include "model/huggingface.h"
#include "model/layout.h"
#include "model/tokenizer_settings.h"

#include <stdlib.h>
#include <string.h>

static const struct huggingface_model *const models[] = { &huggingface_clip,
	                                                      &huggingface_metaclip_2,
	                                                      &huggingface_siglip, &huggingface_align };

void huggingface_read_transformer(struct transformer_config *out, struct config_reader *reader,
                                  const struct huggingface_tower *defaults)
{
	out->width = config_size(reader, "hidden_size", defaults->width);
	out->mlp_width = config_size(reader, "intermediate_size", defaults->mlp_width);
	out->layers = config_size(reader, "num_hidden_layers", defaults->layers);
	out->heads = config_size(reader, "num_attention_heads", defaults->heads);
	out->activation = (enum activation)config_word(reader, "hidden_act", activation_words,
	                                               (size_t)defaults->activation);
	out->layer_norm_eps = config_number(reader, "layer_norm_eps", defaults->layer_norm_eps);
}

void huggingface_read_image(struct vision_config *out, struct config_reader *reader,
                            size_t image_size)
{
	out->image_size = config_square(reader, "image_size", image_size);
	if (config_size(reader, "num_channels", 3) != 3)
		config_unsupported(reader, "num_channels");
}

/* *model: which of the models the config is of. */
static clipcls_status read_config(struct model_config *out, const struct huggingface_model **model,
                                  const json *root, const char *path, clipcls_error *error)
{
	struct config_reader reader = { path, "", root, error, CLIPCLS_OK };
	if (!json_is_object(root))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: is not an object", path);
	const char *type = config_string(&reader, "model_type", "clip");
	for (size_t i = 0; i < sizeof models / sizeof *models; i++)
		if (strcmp(models[i]->model_type, type) == 0)
			*model = models[i];
	if (*model != NULL)
		(*model)->read(out, &reader);
	else
		config_unsupported(&reader, "model_type");
	return reader.status;
}

static clipcls_status open_weights(struct checkpoint *checkpoint, clipcls_error *error)
{
	static const char *const single[] = { "model.safetensors", NULL };
	static const char *const sharded[] = { "model.safetensors.index.json", NULL };
	char *path = NULL;
	clipcls_status status = layout_find_file(&path, checkpoint->path, single, NULL, error);
	if (status == CLIPCLS_OK && path != NULL) {
		status = safetensors_open(&checkpoint->weights, path, error);
	} else if (status == CLIPCLS_OK) {
		status = layout_find_file(&path, checkpoint->path, sharded, NULL, error);
		if (status == CLIPCLS_OK && path != NULL)
			status = safetensors_open_index(&checkpoint->weights, path, error);
		else if (status == CLIPCLS_OK)
			status = error_set(error, CLIPCLS_ERR_IO,
			                   "%s: holds neither model.safetensors nor "
			                   "model.safetensors.index.json",
			                   checkpoint->path);
	}
	free(path);
	return status;
}

/* transformers' tokenizers by the names of their classes. CLIP's needs none of what the settings
 * say. */
static clipcls_status choose_tokenizer(struct model_config *config,
                                       const struct tokenizer_settings *settings, const char *path,
                                       clipcls_error *error)
{
	static const struct {
		const char *name;
		struct tokenizer_config config;
		bool pad_left;
	} known[] = {
		{ "SiglipTokenizer", { TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_SIGLIP, false }, false },
		{ "Siglip2Tokenizer", { TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_LOWER, false }, true },
		{ "GemmaTokenizer", { TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE, false }, true },
		{ "T5Tokenizer", { TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE, false }, false },
		{ "XLMRobertaTokenizer", { TOKENIZER_SENTENCEPIECE, TEXT_CLEANING_NONE, false }, false },
		{ "BertTokenizer", { TOKENIZER_WORDPIECE, TEXT_CLEANING_NONE, false }, false },
	};
	if (config->text.attention == TEXT_ATTENTION_CONTEXT && settings->masks_padding)
		return error_set(
		    error, CLIPCLS_ERR_UNSUPPORTED,
		    "%s/tokenizer_config.json: model_input_names with \"attention_mask\" is not "
		    "supported: the text tower sees its padding",
		    path);
	if (settings->pad_token_id >= 0)
		config->text.pad_token_id = settings->pad_token_id;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(known[i].name, settings->name) != 0)
			continue;
		config->tokenizer = known[i].config;
		config->text.pad_left = settings->has_side ? settings->pad_left : known[i].pad_left;
		return CLIPCLS_OK;
	}
	config->text.pad_left = settings->pad_left;
	return settings->name[0] == '\0'
	           ? CLIPCLS_OK
	           : error_set(error, CLIPCLS_ERR_UNSUPPORTED,
	                       "%s/tokenizer_config.json: tokenizer_class = \"%s\" is not supported",
	                       path, settings->name);
}

static clipcls_status read_tokenizer(struct checkpoint *checkpoint, clipcls_error *error)
{
	struct model_config *config = &checkpoint->config;
	struct tokenizer_settings settings;
	clipcls_status status = CLIPCLS_OK;
	if (config->tokenizer.kind != TOKENIZER_CLIP) {
		status = tokenizer_settings_read(&settings, checkpoint->path, error);
		if (status == CLIPCLS_OK)
			status = choose_tokenizer(config, &settings, checkpoint->path, error);
	}
	return status == CLIPCLS_OK ? layout_read_tokenizer(checkpoint, error) : status;
}

clipcls_status layout_huggingface_open(struct checkpoint *checkpoint, clipcls_error *error)
{
	json *root = NULL;
	char *preprocess_path = NULL;
	struct model_config *config = &checkpoint->config;
	const struct huggingface_model *model = NULL;
	char *path = path_join(checkpoint->path, "config.json");
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = json_read(&root, path, LAYOUT_CONFIG_LIMIT, error);
	if (status == CLIPCLS_OK)
		status = read_config(config, &model, root, path, error);
	if (status == CLIPCLS_OK)
		status =
		    huggingface_preprocess_read(&config->preprocess, &preprocess_path, checkpoint->path,
		                                model->image_processor, config->vision.image_size, error);
	if (status == CLIPCLS_OK)
		status = model_config_check(config, path, preprocess_path, error);
	if (status == CLIPCLS_OK)
		status = open_weights(checkpoint, error);
	if (status == CLIPCLS_OK)
		status = read_tokenizer(checkpoint, error);
	if (model != NULL)
		checkpoint->naming.vision = checkpoint->naming.text = model->dialect;
	json_free(root);
	free(preprocess_path);
	free(path);
	return status;
}
