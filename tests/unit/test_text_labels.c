#include "unit.h"

#include "text/labels.h"

#include <stdlib.h>

static clipcls_error error;

static clipcls_labels *new_labels(void)
{
	clipcls_labels *labels = NULL;
	assert_ok(clipcls_labels_new(&labels, &error));
	return labels;
}

static clipcls_templates *new_templates(void)
{
	clipcls_templates *templates = NULL;
	assert_ok(clipcls_templates_new(&templates, &error));
	return templates;
}

#define ADD_TEXT(labels, text) \
	clipcls_labels_add_text((labels), (text), sizeof(text) - 1, "labels.txt", &error)

static void a_labels_file_is_trimmed_and_blank_lines_are_skipped(void **state)
{
	clipcls_labels *labels = new_labels();
	(void)state;
	assert_ok(ADD_TEXT(labels, "\xef\xbb\xbf"
	                           "cat\r\n\r\n  \t \n \xc2\xa0"
	                           "big dog \xe3\x80\x80\n"
	                           "\xe7\x8c\xab\n\"it's\""));
	assert_int_equal(clipcls_labels_count(labels), 4);
	assert_string_equal(clipcls_labels_text(labels, 0), "cat");
	assert_string_equal(clipcls_labels_text(labels, 1), "big dog");
	assert_string_equal(clipcls_labels_text(labels, 2), "\xe7\x8c\xab");
	assert_string_equal(clipcls_labels_text(labels, 3), "\"it's\"");
	assert_null(clipcls_labels_text(labels, 4));
	clipcls_labels_free(labels);
}

static void tabs_give_a_label_its_own_prompts(void **state)
{
	clipcls_labels *labels = new_labels();
	(void)state;
	assert_ok(ADD_TEXT(labels, "cat\ta cat\t\t two cats \r\ndog\t\n"));
	assert_int_equal(clipcls_labels_prompt_count(labels, 0), 2);
	assert_string_equal(labels_prompt(labels, 0, 0), "a cat");
	assert_string_equal(labels_prompt(labels, 0, 1), "two cats");
	assert_string_equal(clipcls_labels_text(labels, 1), "dog");
	assert_int_equal(clipcls_labels_prompt_count(labels, 1), 0);
	clipcls_labels_free(labels);
}

static void faults_of_a_labels_file_name_the_line(void **state)
{
	clipcls_labels *labels = new_labels();
	(void)state;
	assert_error(ADD_TEXT(labels, "a\n\nb\xff\n"), CLIPCLS_ERR_FORMAT,
	             "labels.txt:3: label is not UTF-8");
	assert_error(ADD_TEXT(labels, "c\tx\xc3\n"), CLIPCLS_ERR_FORMAT,
	             "labels.txt:1: prompt is not UTF-8");
	assert_error(ADD_TEXT(labels, "d\ne\n d \n"), CLIPCLS_ERR_FORMAT,
	             "labels.txt:3: label \"d\" stands twice");
	assert_error(ADD_TEXT(labels, "\ta prompt\n"), CLIPCLS_ERR_FORMAT,
	             "labels.txt:1: label is empty");
	assert_error(ADD_TEXT(labels, "f\0g\n"), CLIPCLS_ERR_FORMAT, "labels.txt:1: label holds a NUL");
	assert_error(ADD_TEXT(labels, ""), CLIPCLS_ERR_FORMAT, "labels.txt:1: there is no label");
	assert_error(ADD_TEXT(labels, "\xef\xbb\xbf\r\n \n"), CLIPCLS_ERR_FORMAT,
	             "labels.txt:2: there is no label");
	clipcls_labels_free(labels);
}

static void labels_added_one_by_one_are_checked_too(void **state)
{
	static const char *const prompts[] = { "one cat", "many cats" };
	clipcls_labels *labels = new_labels();
	(void)state;
	assert_ok(clipcls_labels_add(labels, " cat ", prompts, 2, &error));
	assert_string_equal(clipcls_labels_text(labels, 0), "cat");
	assert_int_equal(clipcls_labels_prompt_count(labels, 0), 2);
	assert_error(clipcls_labels_add(labels, "cat", NULL, 0, &error), CLIPCLS_ERR_FORMAT,
	             "label \"cat\" stands twice");
	assert_error(clipcls_labels_add(labels, " ", NULL, 0, &error), CLIPCLS_ERR_FORMAT, "empty");
	assert_error(clipcls_labels_add(labels, "\xc0\x80", NULL, 0, &error), CLIPCLS_ERR_FORMAT,
	             "UTF-8");
	assert_int_equal(clipcls_labels_count(labels), 1);
	clipcls_labels_free(labels);
}

static void imagenet_names_repeat_as_distinct_classes(void **state)
{
	clipcls_labels *labels = new_labels();
	(void)state;
	assert_string_equal(clipcls_labels_set_name(0), "imagenet1k");
	assert_null(clipcls_labels_set_name(1));
	assert_ok(clipcls_labels_add_set(labels, "imagenet1k", &error));
	assert_int_equal(clipcls_labels_count(labels), 1000);
	assert_string_equal(clipcls_labels_text(labels, 0), "tench");
	assert_string_equal(clipcls_labels_text(labels, 999), "toilet paper");
	/* 836 and 837 are both sunglasses. */
	assert_string_equal(clipcls_labels_text(labels, 836), "sunglasses");
	assert_string_equal(clipcls_labels_text(labels, 837), "sunglasses");
	assert_error(clipcls_labels_add(labels, "tench", NULL, 0, &error), CLIPCLS_ERR_FORMAT, "twice");
	assert_error(clipcls_labels_add_set(labels, "imagenet1k", &error), CLIPCLS_ERR_FORMAT, "twice");
	assert_error(clipcls_labels_add_set(labels, "imagenet22k", &error), CLIPCLS_ERR_ARGUMENT,
	             "imagenet22k");
	clipcls_labels_free(labels);
}

static void every_placeholder_is_replaced_and_other_braces_are_text(void **state)
{
	clipcls_templates *templates = new_templates();
	(void)state;
	assert_ok(clipcls_templates_add(templates, "{} and {}, {0} {{}}", &error));
	char *prompt = templates_apply(templates, 0, "a {} b");
	assert_string_equal(prompt, "a {} b and a {} b, {0} {a {} b}");
	free(prompt);
	clipcls_templates_free(templates);
}

static void faults_of_templates_are_named(void **state)
{
	clipcls_templates *templates = new_templates();
	(void)state;
	assert_error(clipcls_templates_add(templates, "a photo", &error), CLIPCLS_ERR_FORMAT,
	             "template \"a photo\" lacks {}");
	assert_error(clipcls_templates_add(templates, "{} \xff", &error), CLIPCLS_ERR_FORMAT, "UTF-8");
	assert_error(clipcls_templates_add_text(templates, "{}\r\n\nx\n", 7, "t.txt", &error),
	             CLIPCLS_ERR_FORMAT, "t.txt:3: template \"x\" lacks {}");
	assert_error(clipcls_templates_add_text(templates, "\n", 1, "t.txt", &error),
	             CLIPCLS_ERR_FORMAT, "t.txt:1: there is no template");
	assert_error(clipcls_templates_add_set(templates, "imagenet7", &error), CLIPCLS_ERR_ARGUMENT,
	             "imagenet7");
	clipcls_templates_free(templates);
}

static void template_sets_are_those_of_the_contract(void **state)
{
	static const struct {
		const char *name;
		size_t count;
		const char *first; /* applied to "cat" */
	} sets[] = { { "simple", 1, "a photo of a cat." },
		         { "imagenet80", 80, "a bad photo of a cat." },
		         { "openai7", 7, "itap of a cat." },
		         { "none", 1, "cat" } };
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		clipcls_templates *templates = new_templates();
		assert_string_equal(clipcls_templates_set_name(i), sets[i].name);
		assert_ok(clipcls_templates_add_set(templates, sets[i].name, &error));
		assert_int_equal(clipcls_templates_count(templates), sets[i].count);
		char *prompt = templates_apply(templates, 0, "cat");
		assert_string_equal(prompt, sets[i].first);
		free(prompt);
		clipcls_templates_free(templates);
	}
	assert_null(clipcls_templates_set_name(4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_labels_file_is_trimmed_and_blank_lines_are_skipped),
		cmocka_unit_test(tabs_give_a_label_its_own_prompts),
		cmocka_unit_test(faults_of_a_labels_file_name_the_line),
		cmocka_unit_test(labels_added_one_by_one_are_checked_too),
		cmocka_unit_test(imagenet_names_repeat_as_distinct_classes),
		cmocka_unit_test(every_placeholder_is_replaced_and_other_braces_are_text),
		cmocka_unit_test(faults_of_templates_are_named),
		cmocka_unit_test(template_sets_are_those_of_the_contract),
	};
	return cmocka_run_group_tests_name("text labels", tests, NULL, NULL);
}
