/* Loading an image tower, and putting it into low precision, when memory is out. */
#ifndef CLIPCLS_TESTS_FAILING_TOWER_H
#define CLIPCLS_TESTS_FAILING_TOWER_H

#include "unit.h"

#include "model/checkpoint.h"
#include "nn/image_tower.h"

static inline clipcls_status failing_tower_make(const char *path, bool lowered,
                                                clipcls_error *failure)
{
	struct checkpoint *checkpoint = NULL;
	struct image_tower *tower = NULL;
	enum weight_form form = lowered ? WEIGHTS_ROWS : WEIGHTS_FAST;
	clipcls_status status = checkpoint_open(&checkpoint, path, NULL, failure);
	if (status == CLIPCLS_OK)
		status = image_tower_load(&tower, checkpoint, form, NULL, failure);
	assert_true((status == CLIPCLS_OK) == (tower != NULL));
	if (status == CLIPCLS_OK && lowered)
		status = image_tower_lower(tower, LOW_INT8, NULL, failure);
	image_tower_free(tower);
	checkpoint_free(checkpoint);
	return status;
}

/* context: the path of a checkpoint. */
static inline clipcls_status failing_tower_load(const void *context, clipcls_error *failure)
{
	return failing_tower_make(context, false, failure);
}

static inline clipcls_status failing_tower_lower(const void *context, clipcls_error *failure)
{
	return failing_tower_make(context, true, failure);
}

#endif
