/* The towers' configs and tensors, one file each. Internal to src/model/family.c and these. */
#ifndef CLIPCLS_MODEL_TOWER_MODELS_H
#define CLIPCLS_MODEL_TOWER_MODELS_H

#include "model/family.h"

extern const struct tower_model vit_model;          /* model_vit.c */
extern const struct tower_model swin_model;         /* model_swin.c */
extern const struct tower_model resnet_model;       /* model_resnet.c */
extern const struct tower_model efficientnet_model; /* model_efficientnet.c */
extern const struct tower_model text_model;         /* model_text.c */
extern const struct tower_model bert_model;         /* model_bert.c */

/* What every image tower has. */
#define VISION_FIELDS                                                                   \
	{                                                                                   \
		.key = "image_size", .kind = FIELD_SIZE,                                        \
		.offset = offsetof(struct vision_config, image_size), .limit = PIXEL_SIZE_LIMIT \
	}

/* What every text tower has. */
#define TEXT_FIELDS                                            \
	{ .key = "vocab_size",                                     \
	  .kind = FIELD_SIZE,                                      \
	  .offset = offsetof(struct text_config, vocab_size) },    \
	{                                                          \
		.key = "context_length", .kind = FIELD_SIZE,           \
		.offset = offsetof(struct text_config, context_length) \
	}
extern const char *const text_attention_words[], *const text_pooling_words[];

/* What every text tower asks of its config, and shows of it (model_text.c). */
clipcls_status text_config_check(const struct text_config *config, const char *path,
                                 clipcls_error *error);
void text_describe(struct tower_shape *out, const void *part);

/* ---- stacks of transformer blocks (model_text.c, config_check.c) ----------------------------- */

/* Lists the blocks, whose names are prefix, number, dot, name; in the file, with source_prefix.
 * The dialect is the tower's. */
void transformer_list(struct tensor_list *list, const struct tensor_part *tower, const char *prefix,
                      const char *source_prefix, const struct transformer_config *config);

/* Whether heads divide width and the layer norm's eps is in range. tower: "image". */
clipcls_status transformer_config_check(const struct transformer_config *transformer,
                                        const char *tower, const char *path, clipcls_error *error);

static inline struct tower_shape transformer_shape(const struct transformer_config *config)
{
	return (struct tower_shape){ .width = config->width,
		                         .layers = config->layers,
		                         .heads = config->heads,
		                         .mlp_width = config->mlp_width,
		                         .activation = config->activation,
		                         .layer_norm_eps = config->layer_norm_eps };
}

#endif
