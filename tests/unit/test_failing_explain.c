/* Explanations and their files when memory is out. */
#include "failing.h"

#include "test_probe.h"

#include <stdlib.h>
#include <unistd.h>

struct setting {
	clipcls_classifier *classifier;
	const clipcls_explanation *explanation; /* what comes of it when memory is there */
};

static clipcls_status explain(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	const clipcls_explanation *wanted = setting->explanation;
	const clipcls_input input = { .path = TEST_DATA "/golden/wide.png" };
	clipcls_explanation *explanation = NULL;
	clipcls_status status =
	    clipcls_explain(&explanation, setting->classifier, &input, NULL, NULL, failure);
	assert_true((status == CLIPCLS_OK) == (explanation != NULL));
	if (status == CLIPCLS_OK && wanted != NULL)
		assert_memory_equal(explanation->heat, wanted->heat,
		                    wanted->rows * wanted->columns * sizeof(float));
	clipcls_explanation_free(explanation);
	return status;
}

static clipcls_status save(const void *context, clipcls_error *failure)
{
	const struct setting *setting = context;
	char path[] = "/proc/self/cwd/heat.png";
	clipcls_status status =
	    clipcls_explanation_save(setting->explanation, "caf\xc3\xa9", path, failure);
	assert_int_equal(access(path, F_OK) == 0, status == CLIPCLS_OK);
	unlink(path);
	return status;
}

static void explanations(void **state)
{
	const clipcls_model_options options = { .threads = 1 };
	const clipcls_input input = { .path = TEST_DATA "/golden/wide.png" };
	clipcls_model *model = NULL;
	clipcls_explanation *explanation = NULL;
	struct setting setting = { 0 };
	(void)state;
	assert_ok(clipcls_model_open(&model, golden, &options, &error));
	clipcls_labels *labels = labels_of(names, 3);
	assert_ok(clipcls_classifier_new(&setting.classifier, model, labels, NULL, &error));
	assert_ok(clipcls_model_prepare(model, &error)); /* nothing more is kept on the way */
	assert_ok(clipcls_explain(&explanation, setting.classifier, &input, NULL, NULL, &error));
	setting.explanation = explanation;
	expect_memory_errors_or_success("explaining", explain, &setting);
#if defined(CLIPCLS_HAVE_SPNG) || defined(CLIPCLS_HAVE_PNG)
	expect_memory_errors_or_success("its file", save, &setting);
#else
	assert_error(save(&setting, &error), CLIPCLS_ERR_UNSUPPORTED, "neither libspng nor libpng");
#endif
	clipcls_explanation_free(explanation);
	clipcls_classifier_free(setting.classifier);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(explanations, fixture_enter, fixture_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
