/* Loading CLIP's ResNets, and putting them into low precision, when memory is out. */
#include "failing.h"
#include "failing_tower.h"

#include "test_resnet.h"

static void a_tower_is_loaded_or_memory_is_out(void **state)
{
	char *directory = resnet_checkpoint(VISION);
	(void)state;
	expect_memory_errors_or_success("ResNet", failing_tower_load, directory);
	fixture_remove(directory);
}

static clipcls_status load_and_lower(const void *context, clipcls_error *failure)
{
	struct checkpoint *checkpoint = NULL;
	struct image_tower *tower = NULL;
	clipcls_status status = checkpoint_open(&checkpoint, context, NULL, failure);
	if (status == CLIPCLS_OK)
		status = image_tower_load(&tower, checkpoint, WEIGHTS_ROWS, NULL, failure);
	if (status == CLIPCLS_OK)
		status = image_tower_lower(tower, LOW_INT8, NULL, failure);
	image_tower_free(tower);
	checkpoint_free(checkpoint);
	return status;
}

static void a_tower_is_lowered_or_memory_is_out(void **state)
{
	char *directory = resnet_checkpoint(VISION);
	(void)state;
	if (low_products_missing(LOW_INT8) == NULL)
		expect_own_memory_errors_or_success("ResNet in int8", load_and_lower, directory);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tower_is_loaded_or_memory_is_out),
		cmocka_unit_test(a_tower_is_lowered_or_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
