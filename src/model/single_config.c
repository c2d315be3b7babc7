/* The config string of a single file. */
#include "model/single.h"

#include "model/config_check.h"
#include "model/config_reader.h"
#include "model/family.h"

#include <string.h>

/* Indexed by the enums of config.h. */
static const char *const logit_scale_words[] = { "logarithm", "temperature", NULL };
static const char *const tokenizer_words[] = { "clip", "sentencepiece", "wordpiece", NULL };
static const char *const cleaning_words[] = { "huggingface",
	                                          "openclip",
	                                          "none",
	                                          "lower",
	                                          "siglip",
	                                          "openclip_whitespace",
	                                          "openclip_lower",
	                                          "openclip_canonicalize",
	                                          NULL };
static const char *const order_words[] = { "huggingface", "openclip", NULL };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct config_field model_items[] = {
	{ .key = "family",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct model_config, family),
	  .words = family_words },
	{ .key = "projection_dim",
	  .kind = FIELD_SIZE,
	  .offset = offsetof(struct model_config, projection_dim) },
	{ .key = "logit_scale",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct model_config, logit_scale),
	  .words = logit_scale_words,
	  .optional = true,
	  .fallback = LOGIT_SCALE_LOGARITHM },
	{ .key = "logit_bias",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct model_config, logit_bias),
	  .optional = true },
};

static const struct config_field tokenizer_items[] = {
	{ .key = "cleaning",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct tokenizer_config, cleaning),
	  .words = cleaning_words },
	{ .key = "kind",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct tokenizer_config, kind),
	  .words = tokenizer_words,
	  .optional = true,
	  .fallback = TOKENIZER_CLIP },
	{ .key = "strip_sep_token",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct tokenizer_config, strip_sep_token),
	  .optional = true },
};

#define PREPROCESS(key_, kind_, member)                                                      \
	{                                                                                        \
		.key = (key_), .kind = (kind_), .offset = offsetof(struct preprocess_config, member) \
	}
#define PREPROCESS_WORD(key_, member, words_)                                                    \
	{                                                                                            \
		.key = (key_), .kind = FIELD_WORD, .offset = offsetof(struct preprocess_config, member), \
		.words = (words_)                                                                        \
	}
/* Files of before it was there have it off. */
#define PREPROCESS_LATER(key_, member)                                                           \
	{                                                                                            \
		.key = (key_), .kind = FIELD_BOOL, .offset = offsetof(struct preprocess_config, member), \
		.optional = true                                                                         \
	}

static const struct config_field preprocess_items[] = {
	PREPROCESS_WORD("order", order, order_words),
	PREPROCESS_LATER("transparent_kept", transparent_kept),
	PREPROCESS("do_resize", FIELD_BOOL, do_resize),
	PREPROCESS_WORD("resize_mode", resize_mode, resize_mode_words),
	PREPROCESS("resize_height", FIELD_SIZE, resize_height),
	PREPROCESS("resize_width", FIELD_SIZE, resize_width),
	PREPROCESS_WORD("interpolation", interpolation, interpolation_words),
	PREPROCESS("do_center_crop", FIELD_BOOL, do_center_crop),
	PREPROCESS("crop_height", FIELD_SIZE, crop_height),
	PREPROCESS("crop_width", FIELD_SIZE, crop_width),
	PREPROCESS("fill", FIELD_COLOR, fill),
	PREPROCESS("rescale_factor", FIELD_NUMBER, rescale_factor),
	PREPROCESS_LATER("rescale_offset", rescale_offset),
	PREPROCESS("mean", FIELD_TRIPLE, mean),
	PREPROCESS("std", FIELD_TRIPLE, std),
	PREPROCESS_LATER("std_twice", std_twice),
};

static const struct config_fields model_fields = { model_items, COUNT(model_items) };
static const struct config_fields tokenizer_fields = { tokenizer_items, COUNT(tokenizer_items) };
static const struct config_fields preprocess_fields = { preprocess_items, COUNT(preprocess_items) };

static void write_section(struct buffer *out, const char *key, const struct config_fields *fields,
                          const void *part)
{
	buffer_format(out, ",\"%s\":{", key);
	config_fields_write(out, fields, part);
	buffer_byte(out, '}');
}

void single_config_write(struct buffer *out, const struct model_config *config)
{
	buffer_byte(out, '{');
	config_fields_write(out, &model_fields, config);
	write_section(out, "vision", &family_image_tower(config)->fields, &config->vision);
	write_section(out, "text", &family_text_tower(config)->fields, &config->text);
	write_section(out, "tokenizer", &tokenizer_fields, &config->tokenizer);
	write_section(out, "preprocess", &preprocess_fields, &config->preprocess);
	buffer_byte(out, '}');
}

/* The object under `key`, or at the top: all of its keys, and none but them and `sections`. */
static void read_part(void *part, const struct config_fields *fields, struct config_reader *reader,
                      const char *const *sections)
{
	config_fields_read(part, fields, reader);
	for (const json *node = json_first(reader->object); node != NULL; node = json_next(node)) {
		size_t place;
		if (!config_fields_has(fields, json_key(node)) &&
		    !word_find(&place, sections, json_key(node)))
			config_unsupported(reader, json_key(node));
	}
}

static void read_section(void *part, const struct config_fields *fields,
                         struct config_reader *parent, const char *key, const char *section)
{
	static const char *const none[] = { NULL };
	struct config_reader reader = config_enter(parent, key, section);
	read_part(part, fields, &reader, none);
	config_leave(parent, &reader);
}

static clipcls_status read_root(struct model_config *out, const json *root, const char *path,
                                clipcls_error *error)
{
	static const char *const sections[] = { "vision", "text", "tokenizer", "preprocess", NULL };
	struct config_reader reader = { path, "config.", root, error, CLIPCLS_OK };
	*out = (struct model_config){ 0 };
	read_part(out, &model_fields, &reader, sections);
	read_section(&out->vision, &family_image_tower(out)->fields, &reader, "vision",
	             "config.vision.");
	read_section(&out->text, &family_text_tower(out)->fields, &reader, "text", "config.text.");
	read_section(&out->tokenizer, &tokenizer_fields, &reader, "tokenizer", "config.tokenizer.");
	read_section(&out->preprocess, &preprocess_fields, &reader, "preprocess", "config.preprocess.");
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
