/* OpenCLIP directories: open_clip_config.json and open_clip_*.safetensors. A key that is absent has
 * the default of open_clip's CLIPVisionCfg, CLIPTextCfg and PreprocessCfg. */
#include "base/file.h"
#include "model/config_check.h"
#include "model/config_reader.h"
#include "model/layout.h"
#include "model/openclip_keys.h"

#include <stdlib.h>
#include <string.h>

/* The vocabulary of open_clip's own tokenizer, which it uses whatever files lie beside the model.
 */
#define CLIP_VOCAB_SIZE 49408
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

/* What both towers have; heads are the caller's. */
static void read_transformer(struct transformer_config *out, struct config_reader *tower,
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

static void read_vision(struct vision_config *out, struct config_reader *tower, bool quick_gelu)
{
	if (json_is_array(config_get(tower, "layers"))) {
		config_unsupported(tower, "layers"); /* a ResNet */
		return;
	}
	struct transformer_config *transformer = &out->vit.transformer;
	read_transformer(transformer, tower, quick_gelu, 768);
	size_t head_width = config_size(tower, "head_width", 64);
	if (head_width == 0)
		config_fail(tower, CLIPCLS_ERR_FORMAT, "head_width", "is out of range");
	else
		transformer->heads = transformer->width / head_width;
	out->image_size = config_square(tower, "image_size", 224);
	out->vit.patch_size = config_square(tower, "patch_size", 16);
	out->vit.class_token = out->vit.pre_norm = out->vit.projection = true;
}

static void read_text(struct text_config *out, struct config_reader *tower, bool quick_gelu)
{
	read_transformer(&out->transformer, tower, quick_gelu, 512);
	out->transformer.heads = config_size(tower, "heads", 8);
	out->vocab_size = config_size(tower, "vocab_size", CLIP_VOCAB_SIZE);
	out->context_length = config_size(tower, "context_length", 77);
	size_t eos_id = config_size(tower, "eos_id", 2);
	if (eos_id > INT32_MAX)
		config_unsupported(tower, "eos_id");
	out->eos_token_id = (int32_t)eos_id;
	out->projection = true;
	const char *pool_type = config_string(tower, "pool_type", "argmax");
	if (strcmp(pool_type, "argmax") == 0)
		out->pooling = POOLING_ARGMAX;
	else if (strcmp(pool_type, "eos") == 0)
		out->pooling = POOLING_END_TOKEN;
	else
		config_unsupported(tower, "pool_type");
}

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

static clipcls_status read_config(struct model_config *out, const json *root, const char *path,
                                  clipcls_error *error)
{
	struct config_reader top = { path, "", root, error, CLIPCLS_OK };
	struct config_reader model = config_enter(&top, "model_cfg", "model_cfg.");
	if (model.status == CLIPCLS_OK && model.object == NULL)
		config_fail(&model, CLIPCLS_ERR_FORMAT, "", "is missing");
	openclip_check_keys(&model, OPENCLIP_MODEL);
	out->projection_dim = config_size(&model, "embed_dim", 0);
	bool quick_gelu = config_bool(&model, "quick_gelu", false);

	struct config_reader vision = config_enter(&model, "vision_cfg", "vision_cfg.");
	openclip_check_keys(&vision, OPENCLIP_VISION);
	read_vision(&out->vision, &vision, quick_gelu);
	config_leave(&model, &vision);

	struct config_reader text = config_enter(&model, "text_cfg", "text_cfg.");
	openclip_check_keys(&text, OPENCLIP_TEXT);
	read_text(&out->text, &text, quick_gelu);
	config_leave(&model, &text);
	config_leave(&top, &model);

	struct config_reader preprocess = config_enter(&top, "preprocess_cfg", "preprocess_cfg.");
	read_preprocess(&out->preprocess, &preprocess, out->vision.image_size);
	config_leave(&top, &preprocess);
	out->tokenizer.cleaning = TEXT_CLEANING_OPENCLIP;
	return top.status;
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

clipcls_status layout_openclip_open(struct checkpoint *checkpoint, clipcls_error *error)
{
	json *root = NULL;
	char *path = path_join(checkpoint->path, "open_clip_config.json");
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = json_read(&root, path, LAYOUT_CONFIG_LIMIT, error);
	if (status == CLIPCLS_OK)
		status = read_config(&checkpoint->config, root, path, error);
	if (status == CLIPCLS_OK)
		status = model_config_check(&checkpoint->config, path, path, error);
	if (status == CLIPCLS_OK)
		status = open_weights(checkpoint, error);
	if (status == CLIPCLS_OK && checkpoint->config.text.vocab_size != CLIP_VOCAB_SIZE)
		status = layout_read_tokenizer(checkpoint, error);
	if (status == CLIPCLS_OK)
		checkpoint->naming = (struct tensor_naming){
			.vision = DIALECT_OPENCLIP,
			.text = safetensors_find(checkpoint->weights, "text.positional_embedding")
			            ? DIALECT_OPENCLIP_TEXT
			            : DIALECT_OPENCLIP,
		};
	json_free(root);
	free(path);
	return status;
}
