/* The config string of a single file. */
#include "model/single.h"

#include "model/config_check.h"
#include "model/config_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const top_keys[] = { "family", "projection_dim", "vision",
	                                    "text",   "tokenizer",      "preprocess" };
static const char *const vision_keys[] = { "width",      "layers",     "heads",
	                                       "mlp_width",  "activation", "layer_norm_eps",
	                                       "image_size", "patch_size" };
static const char *const text_keys[] = { "width",       "layers",         "heads",
	                                     "mlp_width",   "activation",     "layer_norm_eps",
	                                     "vocab_size",  "context_length", "pooling",
	                                     "eos_token_id" };
static const char *const tokenizer_keys[] = { "cleaning" };
static const char *const preprocess_keys[] = {
	"order",          "do_resize",      "resize_mode", "resize_height", "resize_width",
	"interpolation",  "do_center_crop", "crop_height", "crop_width",    "fill",
	"rescale_factor", "mean",           "std"
};
/* Indexed by the enums of config.h. */
static const char *const pooling_names[] = { "argmax", "end_token" };
static const char *const cleaning_names[] = { "huggingface", "openclip" };
static const char *const order_names[] = { "huggingface", "openclip" };

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The fewest digits that give back the same double; 17 always do. */
static void write_number(struct buffer *out, double value)
{
	char text[32];
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	/* A host program's locale may write a decimal comma. */
	char *comma = strchr(text, ',');
	if (comma != NULL)
		*comma = '.';
	buffer_text(out, text);
}

static void write_triple(struct buffer *out, const char *key, const double values[3])
{
	for (size_t i = 0; i < 3; i++) {
		buffer_format(out, i == 0 ? ",\"%s\":[" : ",", key);
		write_number(out, values[i]);
	}
	buffer_byte(out, ']');
}

static void write_transformer(struct buffer *out, const struct transformer_config *transformer)
{
	buffer_format(out,
	              "\"width\":%zu,\"layers\":%zu,\"heads\":%zu,\"mlp_width\":%zu,"
	              "\"activation\":\"%s\",\"layer_norm_eps\":",
	              transformer->width, transformer->layers, transformer->heads,
	              transformer->mlp_width, activation_name(transformer->activation));
	write_number(out, transformer->layer_norm_eps);
}

static void write_preprocess(struct buffer *out, const struct preprocess_config *preprocess)
{
	buffer_format(out,
	              "\"preprocess\":{\"order\":\"%s\",\"do_resize\":%s,\"resize_mode\":\"%s\","
	              "\"resize_height\":%zu,\"resize_width\":%zu,\"interpolation\":\"%s\",",
	              order_names[preprocess->order], preprocess->do_resize ? "true" : "false",
	              resize_mode_name(preprocess->resize_mode), preprocess->resize_height,
	              preprocess->resize_width, interpolation_name(preprocess->interpolation));
	buffer_format(out,
	              "\"do_center_crop\":%s,\"crop_height\":%zu,\"crop_width\":%zu,"
	              "\"fill\":[%d,%d,%d],\"rescale_factor\":",
	              preprocess->do_center_crop ? "true" : "false", preprocess->crop_height,
	              preprocess->crop_width, preprocess->fill[0], preprocess->fill[1],
	              preprocess->fill[2]);
	write_number(out, preprocess->rescale_factor);
	write_triple(out, "mean", preprocess->mean);
	write_triple(out, "std", preprocess->std);
	buffer_byte(out, '}');
}

void single_config_write(struct buffer *out, const struct model_config *config)
{
	buffer_format(out, "{\"family\":\"clip\",\"projection_dim\":%zu,\"vision\":{",
	              config->projection_dim);
	write_transformer(out, &config->vision.transformer);
	buffer_format(out, ",\"image_size\":%zu,\"patch_size\":%zu},\"text\":{",
	              config->vision.image_size, config->vision.patch_size);
	write_transformer(out, &config->text.transformer);
	buffer_format(out,
	              ",\"vocab_size\":%zu,\"context_length\":%zu,\"pooling\":\"%s\","
	              "\"eos_token_id\":%d},",
	              config->text.vocab_size, config->text.context_length,
	              pooling_names[config->text.pooling], (int)config->text.eos_token_id);
	buffer_format(out, "\"tokenizer\":{\"cleaning\":\"%s\"},",
	              cleaning_names[config->tokenizer.cleaning]);
	write_preprocess(out, &config->preprocess);
	buffer_byte(out, '}');
}

/* All of the keys, and none but them. */
static void check_keys(struct config_reader *reader, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (config_get(reader, keys[i]) == NULL)
			config_fail(reader, CLIPCLS_ERR_FORMAT, keys[i], "is missing");
	for (const json *node = json_first(reader->object); node != NULL; node = json_next(node)) {
		bool known = false;
		for (size_t i = 0; i < n; i++)
			known = known || strcmp(json_key(node), keys[i]) == 0;
		if (!known)
			config_unsupported(reader, json_key(node));
	}
}

/* The place of the key's word among n names. */
static size_t read_word(struct config_reader *reader, const char *key, const char *const *names,
                        size_t n)
{
	const char *word = config_string(reader, key, "");
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], word) == 0)
			return i;
	config_unsupported(reader, key);
	return 0;
}

static void read_transformer(struct transformer_config *out, struct config_reader *reader)
{
	out->width = config_size(reader, "width", 0);
	out->layers = config_size(reader, "layers", 0);
	out->heads = config_size(reader, "heads", 0);
	out->mlp_width = config_size(reader, "mlp_width", 0);
	out->activation = config_activation(reader, "activation", ACTIVATION_GELU);
	out->layer_norm_eps = config_number(reader, "layer_norm_eps", 0);
}

static void read_text(struct text_config *out, struct config_reader *reader)
{
	check_keys(reader, text_keys, COUNT(text_keys));
	read_transformer(&out->transformer, reader);
	out->vocab_size = config_size(reader, "vocab_size", 0);
	out->context_length = config_size(reader, "context_length", 0);
	out->pooling = (enum pooling)read_word(reader, "pooling", pooling_names, COUNT(pooling_names));
	size_t eos_token_id = config_size(reader, "eos_token_id", 0);
	if (eos_token_id > INT32_MAX)
		config_unsupported(reader, "eos_token_id");
	out->eos_token_id = (int32_t)eos_token_id;
}

static void read_preprocess(struct preprocess_config *out, struct config_reader *reader)
{
	double fill[3] = { 0, 0, 0 };
	check_keys(reader, preprocess_keys, COUNT(preprocess_keys));
	out->order = (enum preprocess_order)read_word(reader, "order", order_names, COUNT(order_names));
	out->do_resize = config_bool(reader, "do_resize", true);
	out->resize_mode = config_resize_mode(reader, "resize_mode", RESIZE_SHORTEST);
	out->resize_height = config_size(reader, "resize_height", 0);
	out->resize_width = config_size(reader, "resize_width", 0);
	out->interpolation = config_interpolation(reader, "interpolation", INTERPOLATION_BICUBIC);
	out->do_center_crop = config_bool(reader, "do_center_crop", true);
	out->crop_height = config_size(reader, "crop_height", 0);
	out->crop_width = config_size(reader, "crop_width", 0);
	out->rescale_factor = config_number(reader, "rescale_factor", 1);
	config_triple(reader, "mean", out->mean);
	config_triple(reader, "std", out->std);
	config_triple(reader, "fill", fill);
	for (size_t i = 0; i < 3; i++) {
		if (!(fill[i] >= 0 && fill[i] <= 255))
			config_fail(reader, CLIPCLS_ERR_FORMAT, "fill", "is out of range");
		else
			out->fill[i] = (uint8_t)fill[i];
	}
}

static clipcls_status read_root(struct model_config *out, const json *root, const char *path,
                                clipcls_error *error)
{
	static const char *const families[] = { "clip" };
	struct config_reader reader = { path, "config.", root, error, CLIPCLS_OK };
	check_keys(&reader, top_keys, COUNT(top_keys));
	read_word(&reader, "family", families, COUNT(families));
	out->projection_dim = config_size(&reader, "projection_dim", 0);

	struct config_reader vision = config_enter(&reader, "vision", "config.vision.");
	check_keys(&vision, vision_keys, COUNT(vision_keys));
	read_transformer(&out->vision.transformer, &vision);
	out->vision.image_size = config_size(&vision, "image_size", 0);
	out->vision.patch_size = config_size(&vision, "patch_size", 0);
	config_leave(&reader, &vision);

	struct config_reader text = config_enter(&reader, "text", "config.text.");
	read_text(&out->text, &text);
	config_leave(&reader, &text);

	struct config_reader tokenizer = config_enter(&reader, "tokenizer", "config.tokenizer.");
	check_keys(&tokenizer, tokenizer_keys, COUNT(tokenizer_keys));
	out->tokenizer.cleaning = (enum text_cleaning)read_word(&tokenizer, "cleaning", cleaning_names,
	                                                        COUNT(cleaning_names));
	config_leave(&reader, &tokenizer);

	struct config_reader preprocess = config_enter(&reader, "preprocess", "config.preprocess.");
	read_preprocess(&out->preprocess, &preprocess);
	config_leave(&reader, &preprocess);
	return reader.status;
}

clipcls_status single_config_read(struct model_config *out, const char *text, const char *path,
                                  clipcls_error *error)
{
	json *root = NULL;
	clipcls_status status = json_parse(&root, text, strlen(text), path, error);
	if (status == CLIPCLS_OK)
		status = read_root(out, root, path, error);
	if (status == CLIPCLS_OK)
		status = model_config_check(out, path, path, error);
	json_free(root);
	return status;
}
