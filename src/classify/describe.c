#include "classify/model.h"

#include "base/buffer.h"
#include "classify/decode.h"
#include "classify/minimize.h"
#include "image/image.h"
#include "model/family.h"
#include "nn/linear.h"
#include "nn/low_products.h"

#include <string.h>

static clipcls_tower_info tower_info(const struct checkpoint *checkpoint,
                                     const struct tower_shape *shape, const char *prefix,
                                     const char *projection)
{
	return (clipcls_tower_info){
		.width = shape->width,
		.layers = shape->layers,
		.heads = shape->heads,
		.mlp_width = shape->mlp_width,
		.activation = activation_words[shape->activation],
		.layer_norm_eps = shape->layer_norm_eps,
		.parameters = checkpoint_parameters(checkpoint, prefix) +
		              checkpoint_parameters(checkpoint, projection),
	};
}

clipcls_status clipcls_model_describe(clipcls_model *model, clipcls_model_info *out,
                                      clipcls_error *error)
{
	const struct checkpoint *checkpoint = model->checkpoint;
	const struct model_config *config = checkpoint_config(checkpoint);
	size_t parameters = checkpoint_parameters(checkpoint, "");
	struct tower_shape vision, text;
	struct logits logits;
	clipcls_status status = model_logits(&logits, model, error);
	if (status != CLIPCLS_OK)
		return status;
	family_image_tower(config)->describe(&vision, &config->vision);
	family_text_tower(config)->describe(&text, &config->text);
	*out = (clipcls_model_info){
		.path = checkpoint_path(checkpoint),
		.family = family_of(config)->name,
		.layout = checkpoint_layout(checkpoint),
		.dtype = checkpoint_dtype(checkpoint),
		.vision = tower_info(checkpoint, &vision, "vision_model.", "visual_projection."),
		.text = tower_info(checkpoint, &text, "text_model.", "text_projection."),
		.image_size = config->vision.image_size,
		.patch_size = vision.patch_size,
		.context_length = config->text.context_length,
		.vocab_size = config->text.vocab_size,
		.projection_dim = config->projection_dim,
		.resize_mode = resize_mode_words[config->preprocess.resize_mode],
		.interpolation = interpolation_words[config->preprocess.interpolation],
		.logit_scale = logits.scale,
		.logit_bias = logits.bias,
		.has_logit_bias = logits.sigmoid,
		.tensors = checkpoint_tensor_count(checkpoint),
		.parameters = parameters,
		.file_bytes = checkpoint_file_bytes(checkpoint),
		.memory_bytes = (uint64_t)parameters * sizeof(float),
	};
	memcpy(out->image_mean, config->preprocess.mean, sizeof out->image_mean);
	memcpy(out->image_std, config->preprocess.std, sizeof out->image_std);
	return CLIPCLS_OK;
}

const char *clipcls_image_extension(size_t index)
{
	return image_extension(index);
}

char *clipcls_build_info(void)
{
	struct buffer out = { 0 };
	buffer_text(&out, "matrix products: ");
	linear_describe(&out);
	buffer_byte(&out, '\n');
	const char *low = low_products_name();
	buffer_format(&out, "low precision: %s%s\n", low != NULL ? low : "none, ",
	              low == NULL                              ? low_products_missing(LOW_INT8)
	              : low_products_missing(LOW_BF16) == NULL ? ", int8 and bf16"
	                                                       : ", int8");
	const char *trainer = minimize_name();
	buffer_format(&out, "training: %s\n", trainer != NULL ? trainer : "none");
	image_decoders_describe(&out);
	buffer_text(&out, "sandbox: ");
	decode_describe_here(&out);
	buffer_byte(&out, '\n');
	if (out.failed)
		buffer_free(&out);
	return out.bytes;
}
