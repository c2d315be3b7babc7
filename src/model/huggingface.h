/* What Hugging Face's configs say, one reader for each model_type. Internal to src/model. */
#ifndef CLIPCLS_MODEL_HUGGINGFACE_H
#define CLIPCLS_MODEL_HUGGINGFACE_H

#include "model/config_reader.h"
#include "model/huggingface_preprocess.h"
#include "model/tensors.h"

/* How one kind of model is read. */
struct huggingface_model {
	const char *model_type; /* of config.json */
	enum tensor_dialect dialect;
	const char *image_processor; /* of a directory that names none */
	/* The whole config but for preprocessing; a key that is absent has transformers' default. */
	void (*read)(struct model_config *out, struct config_reader *reader);
};

extern const struct huggingface_model huggingface_clip, huggingface_metaclip_2, huggingface_siglip,
    huggingface_align;

/* The defaults of one of transformers' tower configs. */
struct huggingface_tower {
	size_t width, mlp_width, layers, heads;
	enum activation activation;
	double layer_norm_eps;
};
void huggingface_read_transformer(struct transformer_config *out, struct config_reader *reader,
                                  const struct huggingface_tower *defaults);
/* image_size, and that pictures have three channels. */
void huggingface_read_image(struct vision_config *out, struct config_reader *reader,
                            size_t image_size);

#endif
