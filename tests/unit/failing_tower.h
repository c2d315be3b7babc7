/* Loading an image tower when memory is out. */
#ifndef CLIPCLS_TESTS_FAILING_TOWER_H
#define CLIPCLS_TESTS_FAILING_TOWER_H

#include "unit.h"

#include "model/checkpoint.h"
#include "nn/image_tower.h"

/* context: the path of a checkpoint. */
static inline clipcls_status failing_tower_load(const void *context, clipcls_error *failure)
{
	struct checkpoint *checkpoint = NULL;
	struct image_tower *tower = NULL;
	clipcls_status status = checkpoint_open(&checkpoint, context, NULL, failure);
	if (status == CLIPCLS_OK)
		status = image_tower_load(&tower, checkpoint, WEIGHTS_FAST, NULL, failure);
	assert_true((status == CLIPCLS_OK) == (tower != NULL));
	image_tower_free(tower);
	checkpoint_free(checkpoint);
	return status;
}

#endif
