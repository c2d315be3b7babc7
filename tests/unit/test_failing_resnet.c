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

static void a_tower_is_lowered_or_memory_is_out(void **state)
{
	char *directory = resnet_checkpoint(VISION);
	(void)state;
	if (low_products_missing(LOW_INT8) == NULL)
		expect_own_memory_errors_or_success("ResNet in int8", failing_tower_lower, directory);
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
