/* What the stages of a Swin transformer have, from its config. Liu et al. 2021, section 3. */
#ifndef CLIPCLS_MODEL_SWIN_STAGE_H
#define CLIPCLS_MODEL_SWIN_STAGE_H

#include "base/checked.h"
#include "model/config.h"

struct swin_stage {
	size_t side;   /* patches of a side */
	size_t window; /* patches of a window's side: timm's, no larger than the picture */
	size_t shift;  /* of every second block; 0 where one window is the whole picture */
	size_t width, heads, mlp_width, layers;
};

static inline struct swin_stage swin_stage_of(const struct vision_config *config, size_t stage)
{
	const struct swin_config *swin = &config->swin;
	size_t side = (config->image_size / swin->patch_size) >> stage;
	size_t window = size_min(swin->window_size, side), width = swin->width << stage;
	return (struct swin_stage){ .side = side,
		                        .window = window,
		                        .shift = side > window ? window / 2 : 0,
		                        .width = width,
		                        .heads = swin->heads[stage],
		                        .mlp_width = width * swin->mlp_ratio,
		                        .layers = swin->layers[stage] };
}

#endif
