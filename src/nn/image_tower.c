#include "nn/image_tower.h"

#include "base/memory.h"
#include "model/family.h"
#include "nn/ops.h"
#include "nn/tower_kinds.h"

#include <stdlib.h>

static const struct image_tower_ops *const kinds[] = {
	[IMAGE_TOWER_VIT] = &vit_ops,
	[IMAGE_TOWER_SWIN] = &swin_ops,
	[IMAGE_TOWER_RESNET] = &resnet_ops,
	[IMAGE_TOWER_EFFICIENTNET] = &efficientnet_ops,
};

struct image_tower {
	const struct image_tower_ops *ops;
	void *tower;
	size_t projection_dim;
};

static const struct image_tower_ops *ops_of(const struct model_config *config)
{
	return kinds[family_of(config)->image];
}

clipcls_status image_tower_load(struct image_tower **out, struct checkpoint *checkpoint,
                                enum weight_form form, struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct image_tower *tower = memory_new(1, sizeof *tower);
	*out = NULL;
	if (tower == NULL)
		return error_memory(error);
	tower->ops = ops_of(config);
	tower->projection_dim = config->projection_dim;
	clipcls_status status = tower->ops->load(&tower->tower, checkpoint, form, pool, error);
	if (status == CLIPCLS_OK)
		*out = tower;
	else
		free(tower);
	return status;
}

void image_tower_free(struct image_tower *tower)
{
	if (tower == NULL)
		return;
	tower->ops->free(tower->tower);
	free(tower);
}

void image_tower_settle(struct image_tower *tower, struct pool *pool)
{
	if (tower->ops->settle != NULL)
		tower->ops->settle(tower->tower, pool);
}

clipcls_status image_tower_lower(struct image_tower *tower, enum low_type type, struct pool *pool,
                                 clipcls_error *error)
{
	if (tower->ops->lower == NULL)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "the model's image tower runs in f32 alone");
	return tower->ops->lower(tower->tower, type, pool, error);
}

void image_tower_raise(struct image_tower *tower)
{
	if (tower->ops->raise != NULL)
		tower->ops->raise(tower->tower);
}

void image_tower_forward(float *out, const float *pixels, size_t n, const struct image_tower *tower,
                         struct arena *arena, struct pool *pool)
{
	tower->ops->forward(out, pixels, n, tower->tower, arena, pool);
	for (size_t i = 0; i < n; i++)
		normalize(out + i * tower->projection_dim, tower->projection_dim);
}

size_t image_tower_scratch(const struct image_tower *tower, size_t n, size_t threads)
{
	return tower->ops->scratch(tower->tower, n, threads);
}

size_t image_tower_batch(const struct model_config *config)
{
	return ops_of(config)->batch(config);
}

void image_tower_work(struct image_tower_work *out, const struct model_config *config)
{
	ops_of(config)->work(out, config);
}
