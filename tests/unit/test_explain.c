/* Explanations of small pictures by the golden model: 16 x 16 pixels in patches of 4 x 4. */
#include "test_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WIDE TEST_DATA "/golden/wide.png"

struct setting {
	clipcls_model *model;
	clipcls_labels *labels;
	clipcls_classifier *classifier;
};

static struct setting open_setting(size_t L)
{
	struct setting setting = { open_model(golden, 2), labels_of(names, L), NULL };
	assert_ok(
	    clipcls_classifier_new(&setting.classifier, setting.model, setting.labels, NULL, &error));
	return setting;
}

static void close_setting(struct setting *setting)
{
	clipcls_classifier_free(setting->classifier);
	clipcls_labels_free(setting->labels);
	clipcls_model_free(setting->model);
}

/* label: NULL = the first. */
static clipcls_explanation *explain(const struct setting *setting, const char *path,
                                    const size_t *label)
{
	const clipcls_input input = { .path = path };
	clipcls_explanation *explanation = NULL;
	assert_ok(clipcls_explain(&explanation, setting->classifier, &input, NULL, label, &error));
	return explanation;
}

static void the_grid_is_that_of_the_patches(void **state)
{
	struct setting setting = open_setting(3);
	clipcls_explanation *explanation = explain(&setting, WIDE, NULL);
	clipcls_model_info info;
	(void)state;
	assert_ok(clipcls_model_describe(setting.model, &info, &error));
	assert_int_equal(explanation->columns, info.image_size / info.patch_size);
	assert_int_equal(explanation->rows, explanation->columns);
	assert_true(explanation->cell * (double)explanation->columns == 1);
	/* 4 cells, 2 of them a window's. */
	assert_int_equal(explanation->columns, 4);
	assert_int_equal(explanation->passes, 1 + 3 * 3);
	clipcls_explanation_free(explanation);
	close_setting(&setting);
}

struct first {
	clipcls_result result;
	int given;
};

static int give_wide(void *user, clipcls_input *out)
{
	struct first *first = user;
	*out = (clipcls_input){ .path = WIDE };
	return first->given++ == 0 ? CLIPCLS_NEXT_GIVEN : CLIPCLS_NEXT_END;
}

static int take_first(void *user, const clipcls_record *record)
{
	struct first *first = user;
	assert_int_equal(record->status, CLIPCLS_OK);
	first->result = record->results[0];
	return 0;
}

static void without_a_label_the_first_one_is_explained(void **state)
{
	struct setting setting = open_setting(3);
	struct first first = { .given = 0 };
	(void)state;
	assert_ok(
	    clipcls_classify_files(setting.classifier, NULL, give_wide, take_first, &first, &error));
	clipcls_explanation *explanation = explain(&setting, WIDE, NULL);
	assert_int_equal(explanation->label, first.result.index);
	assert_true(explanation->score == first.result.score);
	assert_true(explanation->similarity == first.result.similarity);
	/* log p - log(1 - p), of a score that is far from 1. */
	double odds = log(first.result.score) - log1p(-first.result.score);
	assert_true(fabs(explanation->log_odds - odds) < 1e-9);
	clipcls_explanation_free(explanation);
	close_setting(&setting);
}

/* What speaks for one of two labels speaks against the other: to float's rounding. */
static void heat_of_two_labels_is_opposite(void **state)
{
	struct setting setting = open_setting(2);
	const size_t labels[] = { 0, 1 };
	double largest = 0;
	(void)state;
	clipcls_explanation *a = explain(&setting, WIDE, &labels[0]);
	clipcls_explanation *b = explain(&setting, WIDE, &labels[1]);
	for (size_t i = 0; i < a->rows * a->columns; i++) {
		assert_true(fabsf(a->heat[i] + b->heat[i]) <= 1e-6f);
		largest = fmax(largest, a->heat[i]);
	}
	assert_true(largest > 1e-3);
	assert_true((float)a->max_heat == (float)largest);
	assert_true(fabs(a->baseline + b->baseline) <= 1e-9);
	clipcls_explanation_free(a);
	clipcls_explanation_free(b);
	close_setting(&setting);
}

/* Without another label there are no odds: 1 is the only score. */
static void a_lone_labels_logit_is_explained(void **state)
{
	struct setting setting = open_setting(1);
	clipcls_model_info info;
	(void)state;
	assert_ok(clipcls_model_describe(setting.model, &info, &error));
	clipcls_explanation *explanation = explain(&setting, WIDE, NULL);
	assert_true(explanation->score == 1);
	assert_true(explanation->log_odds == info.logit_scale * explanation->similarity);
	for (size_t i = 0; i < explanation->rows * explanation->columns; i++)
		assert_true(isfinite(explanation->heat[i]));
	clipcls_explanation_free(explanation);
	close_setting(&setting);
}

/* Its own mean colour covers nothing. */
static void a_flat_picture_has_no_heat(void **state)
{
	struct setting setting = open_setting(3);
	char bytes[64 + 27 * 27 * 3];
	int head = snprintf(bytes, sizeof bytes, "P6 27 27 255\n");
	const clipcls_input input = { "flat", bytes, (size_t)head + 27 * 27 * 3 };
	clipcls_explanation *explanation = NULL;
	(void)state;
	memset(bytes + head, 91, 27 * 27 * 3);
	assert_ok(clipcls_explain(&explanation, setting.classifier, &input, NULL, NULL, &error));
	for (size_t i = 0; i < explanation->rows * explanation->columns; i++)
		assert_true(explanation->heat[i] == 0);
	clipcls_explanation_free(explanation);
	close_setting(&setting);
}

/* Of a picture twice as wide as high a half is seen, in its middle. */
static void the_square_lies_where_the_crop_was(void **state)
{
	struct setting setting = open_setting(2);
	char bytes[64 + 64 * 32 * 3] = "P6 64 32 255\n";
	const clipcls_input input = { "wide", bytes, 13 + 64 * 32 * 3 };
	const clipcls_image_options options = { .thumbnail_size = 10 };
	clipcls_explanation *explanation = NULL;
	(void)state;
	assert_ok(clipcls_explain(&explanation, setting.classifier, &input, &options, NULL, &error));
	assert_true(explanation->left == 0.25 && explanation->right == 0.75);
	assert_true(explanation->top == 0 && explanation->bottom == 1);
	assert_int_equal(explanation->width, 10);
	assert_int_equal(explanation->height, 5);
	clipcls_explanation_free(explanation);
	close_setting(&setting);
}

static void mistakes_have_reasons(void **state)
{
	struct setting setting = open_setting(2);
	const clipcls_input wide = { .path = WIDE }, none = { .path = "/nowhere.png" };
	const clipcls_image_options large = { .thumbnail_size = CLIPCLS_THUMBNAIL_LIMIT + 1 };
	const size_t label = 2;
	clipcls_explanation *explanation = NULL;
	(void)state;
	assert_error(clipcls_explain(&explanation, setting.classifier, &wide, NULL, &label, &error),
	             CLIPCLS_ERR_ARGUMENT, "no label 2");
	assert_error(clipcls_explain(&explanation, setting.classifier, &wide, &large, NULL, &error),
	             CLIPCLS_ERR_ARGUMENT, "512 pixels");
	assert_error(clipcls_explain(&explanation, setting.classifier, &none, NULL, NULL, &error),
	             CLIPCLS_ERR_IO, "No such file");
	assert_null(explanation);
	close_setting(&setting);
}

static void a_file_that_cannot_be_written_is_named(void **state)
{
	struct setting setting = open_setting(2);
	clipcls_explanation *explanation = explain(&setting, WIDE, NULL);
	(void)state;
	if (clipcls_explanation_save(explanation, "cat", "/dev/null/a.png", &error) ==
	    CLIPCLS_ERR_UNSUPPORTED)
		print_message("this build writes no PNG files\n");
	else
		assert_error(clipcls_explanation_save(explanation, "cat", "/dev/null/a.png", &error),
		             CLIPCLS_ERR_IO, "/dev/null/a.png: ");
	clipcls_explanation_free(explanation);
	close_setting(&setting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grid_is_that_of_the_patches),
		cmocka_unit_test(without_a_label_the_first_one_is_explained),
		cmocka_unit_test(heat_of_two_labels_is_opposite),
		cmocka_unit_test(a_lone_labels_logit_is_explained),
		cmocka_unit_test(a_flat_picture_has_no_heat),
		cmocka_unit_test(the_square_lies_where_the_crop_was),
		cmocka_unit_test(mistakes_have_reasons),
		cmocka_unit_test(a_file_that_cannot_be_written_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
