/* OpenCLIP directories: open_clip_config.json and open_clip_*.safetensors. A key that is absent has
 * the default of open_clip's CLIPVisionCfg, CLIPTextCfg and PreprocessCfg. */
#include "base/file.h"
#include "model/config_check.h"
#include "model/config_fields.h"
#include "model/config_reader.h"
#include "model/layout.h"
#include "model/openclip.h"
#include "model/openclip_keys.h"
#include "model/tokenizer_settings.h"

#include <stdlib.h>
#include <string.h>

/* open_clip resizes to the tower's image_size, whatever preprocess_cfg says of a size. */
static void read_preprocess(struct preprocess_config *out, struct config_reader *reader,
                            size_t image_size)
{
	out->order = PREPROCESS_OPENCLIP;
	out->do_resize = true;
	out->resize_height = out->resize_width = image_size;
	out->crop_height = out->crop_width = image_size;
	out->resize_mode =
	    (enum resize_mode)config_word(reader, "resize_mode", resize_mode_words, RESIZE_SHORTEST);
	out->do_center_crop = out->resize_mode != RESIZE_SQUASH;
	/* "random" is a training setting; inference takes bicubic then. */
	if (strcmp(config_string(reader, "interpolation", "bicubic"), "random") == 0)
		out->interpolation = INTERPOLATION_BICUBIC;
	else
		out->interpolation = (enum interpolation)config_word(
		    reader, "interpolation", interpolation_words, INTERPOLATION_BICUBIC);
	out->rescale_factor = 1.0 / 255.0;
	memcpy(out->mean, openai_image_mean, sizeof out->mean);
	memcpy(out->std, openai_image_std, sizeof out->std);
	config_triple(reader, "mean", out->mean);
	config_triple(reader, "std", out->std);
	if (strcmp(config_string(reader, "mode", "RGB"), "RGB") != 0)
		config_unsupported(reader, "mode");
	config_color(reader, "fill_color", out->fill);
}

static clipcls_status read_config(struct openclip_model *out, const json *root, const char *path,
                                  clipcls_error *error)
{
	struct model_config *config = out->config;
	struct config_reader top = { path, "", root, error, CLIPCLS_OK };
	struct config_reader model = config_enter(&top, "model_cfg", "model_cfg.");
	if (model.status == CLIPCLS_OK && model.object == NULL)
		config_fail(&model, CLIPCLS_ERR_FORMAT, "", "is missing");
	openclip_check_keys(&model, OPENCLIP_MODEL);
	config->projection_dim = config_size(&model, "embed_dim", 0);
	config->logit_bias = config_get(&model, "init_logit_bias") != NULL;
	out->quick_gelu = config_bool(&model, "quick_gelu", false);

	struct config_reader vision = config_enter(&model, "vision_cfg", "vision_cfg.");
	openclip_check_keys(&vision, OPENCLIP_VISION);
	openclip_read_vision(out, &vision);
	config_leave(&model, &vision);

	struct config_reader text = config_enter(&model, "text_cfg", "text_cfg.");
	openclip_check_keys(&text, OPENCLIP_TEXT);
	openclip_read_text(out, &text);
	config_leave(&model, &text);
	config_leave(&top, &model);

	struct config_reader preprocess = config_enter(&top, "preprocess_cfg", "preprocess_cfg.");
	read_preprocess(&config->preprocess, &preprocess, config->vision.image_size);
	config_leave(&top, &preprocess);
	return top.status;
}

/* The files of a tokenizer of Hugging Face's, or of a vocabulary that is not CLIP's. */
static clipcls_status read_tokenizer(struct checkpoint *checkpoint, clipcls_error *error)
{
	struct model_config *config = &checkpoint->config;
	struct tokenizer_settings settings;
	if (config->tokenizer.kind == TOKENIZER_CLIP)
		return config->text.vocab_size != CLIP_VOCAB_SIZE ? layout_read_tokenizer(checkpoint, error)
		                                                  : CLIPCLS_OK;
	clipcls_status status = tokenizer_settings_read(&settings, checkpoint->path, error);
	if (status != CLIPCLS_OK)
		return status;
	if (settings.pad_token_id >= 0)
		config->text.pad_token_id = settings.pad_token_id;
	config->text.pad_left = settings.pad_left;
	return layout_read_tokenizer(checkpoint, error);
}

static clipcls_status open_weights(struct checkpoint *checkpoint, clipcls_error *error)
{
	/* open_clip's order of preference. */
	static const char *const preferred[] = { "open_clip_model.safetensors",
		                                     "open_clip_pytorch_model.safetensors",
		                                     "model.safetensors", NULL };
	char *path = NULL;
	clipcls_status status =
	    layout_find_file(&path, checkpoint->path, preferred, "open_clip_*.safetensors", error);
	if (status == CLIPCLS_OK && path == NULL)
		status = error_set(error, CLIPCLS_ERR_IO, "%s: holds no open_clip_*.safetensors",
		                   checkpoint->path);
	if (status == CLIPCLS_OK)
		status = safetensors_open(&checkpoint->weights, path, error);
	free(path);
	return status;
}

/* open_clip resizes the positions of its own vision transformer where the config asks for another
 * size of picture than the weights are for. */
static void find_position_grid(struct checkpoint *checkpoint)
{
	const struct safetensors_tensor *positions =
	    safetensors_find(checkpoint->weights, "visual.positional_embedding");
	struct vision_config *vision = &checkpoint->config.vision;
	size_t grid = 1;
	if (positions == NULL || positions->rank != 2)
		return;
	while (grid * grid + 1 < positions->shape[0] && grid < PIXEL_SIZE_LIMIT)
		grid++;
	if (grid * grid + 1 == positions->shape[0] &&
	    grid != vision->image_size / vision->vit.patch_size)
		vision->vit.position_grid = grid;
}

clipcls_status layout_openclip_open(struct checkpoint *checkpoint, clipcls_error *error)
{
	json *root = NULL;
	struct openclip_model model = { .config = &checkpoint->config };
	char *path = path_join(checkpoint->path, "open_clip_config.json");
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = json_read(&root, path, LAYOUT_CONFIG_LIMIT, error);
	if (status == CLIPCLS_OK)
		status = read_config(&model, root, path, error);
	if (status == CLIPCLS_OK)
		status = model_config_check(&checkpoint->config, path, path, error);
	if (status == CLIPCLS_OK)
		status = open_weights(checkpoint, error);
	if (status == CLIPCLS_OK && model.resizes_positions)
		find_position_grid(checkpoint);
	if (status == CLIPCLS_OK)
		status = read_tokenizer(checkpoint, error);
	if (status == CLIPCLS_OK)
		checkpoint->naming = (struct tensor_naming){
			.vision = model.vision,
			.text = safetensors_find(checkpoint->weights, "text.positional_embedding")
			            ? DIALECT_OPENCLIP_TEXT
			            : DIALECT_OPENCLIP,
		};
	json_free(root);
	free(path);
	return status;
}
