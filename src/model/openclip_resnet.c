/* vision_cfg of CLIP's ResNets. open_clip gives ModifiedResNet five of its keys, the others do not
 * matter there. */
#include "model/openclip.h"

static void read_layers(struct resnet_config *out, struct config_reader *tower)
{
	const json *layers = config_get(tower, "layers"), *layer = json_first(layers);
	bool good = json_count(layers) == RESNET_STAGES;
	for (size_t i = 0; i < RESNET_STAGES && good; i++, layer = json_next(layer))
		good = json_size(layer, &out->layers[i]);
	if (!good)
		config_fail(tower, CLIPCLS_ERR_FORMAT, "layers", "is not four whole numbers");
}

void openclip_read_resnet(struct openclip_model *model, struct config_reader *tower)
{
	struct vision_config *out = &model->config->vision;
	size_t head_width = config_size(tower, "head_width", 64);
	read_layers(&out->resnet, tower);
	out->image_size = config_square(tower, "image_size", 224);
	out->resnet.width = config_size(tower, "width", 768);
	if (head_width == 0 || out->resnet.width > RESNET_WIDTH_LIMIT)
		config_fail(tower, CLIPCLS_ERR_FORMAT, head_width == 0 ? "head_width" : "width",
		            "is out of range");
	else
		out->resnet.heads = out->resnet.width * RESNET_FEATURES / head_width;
	model->config->family = FAMILY_CLIP_RESNET;
	model->vision = DIALECT_OPENCLIP;
}
