/* vision_cfg: open_clip's own vision transformers. */
#include "model/openclip.h"

#include <string.h>

static enum vit_pooling read_pooling(struct config_reader *tower)
{
	const char *pool_type = config_string(tower, "pool_type", "tok");
	if (strcmp(pool_type, "avg") == 0)
		return VIT_POOLING_AVERAGE;
	if (strcmp(pool_type, "tok") != 0)
		config_unsupported(tower, "pool_type");
	return VIT_POOLING_CLASS;
}

static void read_vit(struct openclip_model *model, struct config_reader *tower)
{
	struct vision_config *out = &model->config->vision;
	struct transformer_config *transformer = &out->vit.transformer;
	openclip_read_transformer(transformer, tower, model->quick_gelu, 768);
	size_t head_width = config_size(tower, "head_width", 64);
	if (head_width == 0)
		config_fail(tower, CLIPCLS_ERR_FORMAT, "head_width", "is out of range");
	else
		transformer->heads = transformer->width / head_width;
	out->image_size = config_square(tower, "image_size", 224);
	out->vit.patch_size = config_square(tower, "patch_size", 16);
	out->vit.class_token = out->vit.projection = true;
	out->vit.pre_norm = !config_bool(tower, "no_ln_pre", false);
	out->vit.norm_after_pooling = config_bool(tower, "final_ln_after_pool", false);
	out->vit.pooling = read_pooling(tower);
	model->vision = DIALECT_OPENCLIP;
	model->resizes_positions = true;
}

void openclip_read_vision(struct openclip_model *model, struct config_reader *tower)
{
	if (config_string(tower, "timm_model_name", "")[0] != '\0')
		openclip_read_timm(model, tower);
	else if (json_is_array(config_get(tower, "layers")))
		openclip_read_resnet(model, tower);
	else
		read_vit(model, tower);
}
