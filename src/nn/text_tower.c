#include "nn/text_tower.h"

#include "base/memory.h"
#include "model/family.h"
#include "nn/ops.h"
#include "nn/tower_kinds.h"

#include <stdlib.h>

static const struct text_tower_ops *const kinds[] = {
	[TEXT_TOWER_CLIP] = &text_ops,
	[TEXT_TOWER_BERT] = &bert_ops,
};

struct text_tower {
	const struct text_tower_ops *ops;
	void *tower;
	size_t projection_dim;
};

clipcls_status text_tower_load(struct text_tower **out, struct checkpoint *checkpoint,
                               struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct text_tower *tower = memory_new(1, sizeof *tower);
	*out = NULL;
	if (tower == NULL)
		return error_memory(error);
	tower->ops = kinds[family_of(config)->text];
	tower->projection_dim = config->projection_dim;
	clipcls_status status = tower->ops->load(&tower->tower, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		*out = tower;
	else
		free(tower);
	return status;
}

void text_tower_free(struct text_tower *tower)
{
	if (tower == NULL)
		return;
	tower->ops->free(tower->tower);
	free(tower);
}

void text_tower_settle(struct text_tower *tower, struct pool *pool)
{
	tower->ops->settle(tower->tower, pool);
}

void text_tower_forward(float *out, const struct prompt_rows *rows, const struct text_tower *tower,
                        struct arena *arena, struct pool *pool)
{
	tower->ops->forward(out, rows, tower->tower, arena, pool);
	for (size_t i = 0; i < rows->end_count; i++)
		normalize(out + i * tower->projection_dim, tower->projection_dim);
}

size_t text_tower_scratch(const struct text_tower *tower, size_t rows, size_t threads)
{
	return tower->ops->scratch(tower->tower, rows, threads);
}
