#include "model/family.h"

#include "model/tower_models.h"

/* Read twice: for the table, and for its words. */
#define FAMILY_ROWS                                                             \
	ROW(FAMILY_CLIP, "clip", IMAGE_TOWER_VIT, TEXT_TOWER_CLIP)                  \
	ROW(FAMILY_SIGLIP, "siglip", IMAGE_TOWER_VIT, TEXT_TOWER_CLIP)              \
	ROW(FAMILY_METACLIP_2, "metaclip_2", IMAGE_TOWER_VIT, TEXT_TOWER_CLIP)      \
	ROW(FAMILY_SWIN, "swin_clip", IMAGE_TOWER_SWIN, TEXT_TOWER_CLIP)            \
	ROW(FAMILY_CLIP_RESNET, "clip_resnet", IMAGE_TOWER_RESNET, TEXT_TOWER_CLIP) \
	ROW(FAMILY_ALIGN, "align", IMAGE_TOWER_EFFICIENTNET, TEXT_TOWER_BERT)       \
	ROW(FAMILY_EVA, "eva_clip", IMAGE_TOWER_VIT, TEXT_TOWER_CLIP)

#define ROW(family, name, image, text) [family] = { name, image, text },
const struct family_row families[] = { FAMILY_ROWS };
#undef ROW

#define ROW(family, name, image, text) [family] = name,
const char *const family_words[] = { FAMILY_ROWS NULL };
#undef ROW

static const struct tower_model *const image_towers[] = {
	[IMAGE_TOWER_VIT] = &vit_model,
	[IMAGE_TOWER_SWIN] = &swin_model,
	[IMAGE_TOWER_RESNET] = &resnet_model,
	[IMAGE_TOWER_EFFICIENTNET] = &efficientnet_model,
};
static const struct tower_model *const text_towers[] = {
	[TEXT_TOWER_CLIP] = &text_model,
	[TEXT_TOWER_BERT] = &bert_model,
};

const struct family_row *family_of(const struct model_config *config)
{
	return &families[config->family];
}

const struct tower_model *family_image_tower(const struct model_config *config)
{
	return image_towers[family_of(config)->image];
}

const struct tower_model *family_text_tower(const struct model_config *config)
{
	return text_towers[family_of(config)->text];
}
