/* timm's Swin transformers inside an OpenCLIP checkpoint. */
#include "model/openclip.h"

#include <string.h>

/* What differs between the models that timm's swin_transformer.py registers. */
static const struct swin_name {
	const char *name;
	size_t image_size, window_size, width, layers, heads; /* layers of the third stage */
} swin_names[] = {
	{ "swin_tiny_patch4_window7_224", 224, 7, 96, 6, 3 },
	{ "swin_small_patch4_window7_224", 224, 7, 96, 18, 3 },
	{ "swin_base_patch4_window7_224", 224, 7, 128, 18, 4 },
	{ "swin_base_patch4_window12_384", 384, 12, 128, 18, 4 },
	{ "swin_large_patch4_window7_224", 224, 7, 192, 18, 6 },
	{ "swin_large_patch4_window12_384", 384, 12, 192, 18, 6 },
};

/* timm_pool "" leaves the trunk its own, the average. */
static void check_head(struct config_reader *tower)
{
	static const char *const pools[] = { "", "avg", NULL }, *const projections[] = { "linear",
		                                                                             NULL };
	config_word(tower, "timm_pool", pools, 1);
	config_word(tower, "timm_proj", projections, 0);
	if (json_is_null(json_get(tower->object, "timm_proj"))) /* the trunk's classifier */
		config_unsupported(tower, "timm_proj");
}

bool openclip_read_swin(struct openclip_model *model, struct config_reader *tower)
{
	const char *name = config_string(tower, "timm_model_name", "");
	const struct swin_name *swin = NULL;
	struct vision_config *vision = &model->config->vision;
	for (size_t i = 0; i < sizeof swin_names / sizeof *swin_names; i++)
		if (strcmp(swin_names[i].name, name) == 0)
			swin = &swin_names[i];
	if (swin == NULL)
		return false;
	model->config->family = FAMILY_SWIN;
	model->vision = DIALECT_TIMM;
	/* open_clip does not pass it on: the trunk takes pictures of its own size alone. */
	vision->image_size = config_square(tower, "image_size", 224);
	if (vision->image_size != swin->image_size)
		config_unsupported(tower, "image_size");
	check_head(tower);
	vision->swin = (struct swin_config){
		.patch_size = 4,
		.window_size = swin->window_size,
		.width = swin->width,
		.layers = { 2, 2, swin->layers, 2 },
		.mlp_ratio = 4,
		.layer_norm_eps = 1e-5,
		.projection_bias = config_bool(tower, "timm_proj_bias", false),
	};
	for (size_t stage = 0; stage < SWIN_STAGES; stage++)
		vision->swin.heads[stage] = swin->heads << stage;
	return true;
}
