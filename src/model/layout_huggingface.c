/* Hugging Face directories: config.json, model.safetensors (or shards), tokenizer and image
 * processor files. A key that is absent has the default of transformers' CLIPConfig. */
#include "base/file.h"
#include "model/config_check.h"
#include "model/config_reader.h"
#include "model/huggingface_preprocess.h"
#include "model/layout.h"

#include <stdlib.h>
#include <string.h>

/* Where transformers keeps pooling by the largest id for configs with a wrong eos_token_id. */
#define LEGACY_EOS_TOKEN_ID 2

/* Old configs hold the values in KEY_dict: given, it counts alone, with the defaults for what it
 * lacks (CLIPConfig.__post_init__). */
static struct config_reader enter_tower(struct config_reader *reader, bool text)
{
	if (text)
		return config_get(reader, "text_config_dict") != NULL
		           ? config_enter(reader, "text_config_dict", "text_config_dict.")
		           : config_enter(reader, "text_config", "text_config.");
	return config_get(reader, "vision_config_dict") != NULL
	           ? config_enter(reader, "vision_config_dict", "vision_config_dict.")
	           : config_enter(reader, "vision_config", "vision_config.");
}

/* The defaults are CLIPTextConfig's or CLIPVisionConfig's. */
static void read_transformer(struct transformer_config *out, struct config_reader *reader,
                             size_t width, size_t heads)
{
	out->width = config_size(reader, "hidden_size", width);
	out->mlp_width = config_size(reader, "intermediate_size", 4 * width);
	out->layers = config_size(reader, "num_hidden_layers", 12);
	out->heads = config_size(reader, "num_attention_heads", heads);
	out->activation = config_activation(reader, "hidden_act", ACTIVATION_QUICK_GELU);
	out->layer_norm_eps = config_number(reader, "layer_norm_eps", 1e-5);
}

static void read_text(struct text_config *out, struct config_reader *reader)
{
	read_transformer(&out->transformer, reader, 512, 8);
	out->vocab_size = config_size(reader, "vocab_size", 49408);
	out->context_length = config_size(reader, "max_position_embeddings", 77);
	size_t eos_token_id = config_size(reader, "eos_token_id", 49407);
	if (eos_token_id > INT32_MAX)
		config_unsupported(reader, "eos_token_id");
	out->eos_token_id = (int32_t)eos_token_id;
	out->pooling = eos_token_id == LEGACY_EOS_TOKEN_ID ? POOLING_ARGMAX : POOLING_END_TOKEN;
}

static void read_vision(struct vision_config *out, struct config_reader *reader)
{
	read_transformer(&out->transformer, reader, 768, 12);
	out->image_size = config_square(reader, "image_size", 224);
	out->patch_size = config_square(reader, "patch_size", 32);
	if (config_size(reader, "num_channels", 3) != 3)
		config_unsupported(reader, "num_channels");
}

static clipcls_status read_config(struct model_config *out, const json *root, const char *path,
                                  clipcls_error *error)
{
	struct config_reader reader = { path, "", root, error, CLIPCLS_OK };
	if (!json_is_object(root))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: is not an object", path);
	if (strcmp(config_string(&reader, "model_type", "clip"), "clip") != 0)
		config_unsupported(&reader, "model_type");
	out->projection_dim = config_size(&reader, "projection_dim", 512);
	struct config_reader text = enter_tower(&reader, true);
	read_text(&out->text, &text);
	config_leave(&reader, &text);
	struct config_reader vision = enter_tower(&reader, false);
	read_vision(&out->vision, &vision);
	config_leave(&reader, &vision);
	out->tokenizer.cleaning = TEXT_CLEANING_HUGGINGFACE;
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

clipcls_status layout_huggingface_open(struct checkpoint *checkpoint, clipcls_error *error)
{
	json *root = NULL;
	char *preprocess_path = NULL;
	struct model_config *config = &checkpoint->config;
	char *path = path_join(checkpoint->path, "config.json");
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = json_read(&root, path, LAYOUT_CONFIG_LIMIT, error);
	if (status == CLIPCLS_OK)
		status = read_config(config, root, path, error);
	if (status == CLIPCLS_OK)
		status = huggingface_preprocess_read(&config->preprocess, &preprocess_path,
		                                     checkpoint->path, config->vision.image_size, error);
	if (status == CLIPCLS_OK)
		status = model_config_check(config, path, preprocess_path, error);
	if (status == CLIPCLS_OK)
		status = open_weights(checkpoint, error);
	if (status == CLIPCLS_OK)
		status = layout_read_tokenizer(checkpoint, error);
	checkpoint->naming = TENSOR_NAMING_CANONICAL;
	json_free(root);
	free(preprocess_path);
	free(path);
	return status;
}
