/* Loading ALIGN when memory is out. */
#include "failing.h"
#include "failing_tower.h"

#include "test_align.h"

#include "nn/text_tower.h"

static clipcls_status load_text_tower(const void *context, clipcls_error *failure)
{
	struct checkpoint *checkpoint = NULL;
	struct text_tower *tower = NULL;
	clipcls_status status = checkpoint_open(&checkpoint, context, NULL, failure);
	if (status == CLIPCLS_OK)
		status = text_tower_load(&tower, checkpoint, NULL, failure);
	assert_true((status == CLIPCLS_OK) == (tower != NULL));
	text_tower_free(tower);
	checkpoint_free(checkpoint);
	return status;
}

static void a_tower_is_loaded_or_memory_is_out(void **state)
{
	char *directory = align_checkpoint();
	(void)state;
	expect_memory_errors_or_success("ALIGN, pictures", failing_tower_load, directory);
	expect_memory_errors_or_success("ALIGN, labels", load_text_tower, directory);
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tower_is_loaded_or_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
