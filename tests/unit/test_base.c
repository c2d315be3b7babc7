#include "unit.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/strmap.h"
#include "base/utf8.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static clipcls_error error;

static void products_that_do_not_fit_are_refused(void **state)
{
	size_t out;
	(void)state;
	assert_true(size_mul(SIZE_MAX / 2, 2, &out));
	assert_false(size_mul(SIZE_MAX / 2, 3, &out));
	assert_false(size_add(SIZE_MAX, 1, &out));
}

static void utf8_refuses_overlong_surrogate_and_cut_forms(void **state)
{
	(void)state;
	assert_true(utf8_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
	assert_false(utf8_valid("\xc0\xaf", 2));
	assert_false(utf8_valid("\xed\xa0\x80", 3));
	assert_false(utf8_valid("\xf4\x90\x80\x80", 4));
	assert_false(utf8_valid("\xe2\x82", 2));
	assert_false(utf8_valid("\x80", 1));
}

static void json_with_a_key_twice_is_refused_by_name(void **state)
{
	json *root = NULL;
	const char text[] = "{\"a\":{\"b\":1,\"c\":2,\"b\":3}}";
	(void)state;
	assert_error(json_parse(&root, text, sizeof text - 1, "x.json", &error), CLIPCLS_ERR_FORMAT,
	             "x.json: key \"b\" stands twice");
	assert_null(root);
}

static void json_refuses_nul_tail_and_deep_nesting(void **state)
{
	json *root = NULL;
	char deep[4000];
	(void)state;
	assert_error(json_parse(&root, "\"a\\u0000b\"", 10, "x", &error), CLIPCLS_ERR_FORMAT, "NUL");
	assert_ok(json_parse(&root, "\"a\\\\u0000b\"", 11, "x", &error));
	json_free(root);
	assert_error(json_parse(&root, "{} {}", 5, "x", &error), CLIPCLS_ERR_FORMAT, "follows");
	memset(deep, '[', sizeof deep);
	assert_error(json_parse(&root, deep, sizeof deep, "x", &error), CLIPCLS_ERR_FORMAT, "broken");
}

static void json_sizes_are_whole_and_not_negative(void **state)
{
	json *root = NULL;
	size_t out;
	(void)state;
	assert_ok(json_parse(&root, "[3,-1,1.5,\"3\",1e300]", 20, "x", &error));
	const json *node = json_first(root);
	assert_true(json_size(node, &out));
	assert_int_equal(out, 3);
	while ((node = json_next(node)) != NULL)
		assert_false(json_size(node, &out));
	json_free(root);
}

static void json_strings_escape_controls_and_bytes_that_are_not_utf8(void **state)
{
	struct buffer out = { 0 };
	(void)state;
	json_write_string(&out, "a\"\\\n\x01\xff\xc3\xa9", 8);
	assert_string_equal(out.bytes, "\"a\\\"\\\\\\n\\u0001\\udcff\xc3\xa9\"");
	buffer_free(&out);
}

static void strmap_keeps_the_first_value_through_growth(void **state)
{
	static char keys[5000][8];
	struct strmap *map = strmap_new(1);
	size_t value;
	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		size_t n = (size_t)sprintf(keys[i], "k%zu", i);
		assert_int_equal(strmap_put(map, keys[i], n, i), STRMAP_ADDED);
	}
	assert_int_equal(strmap_put(map, "k17", 3, 99), STRMAP_EXISTS);
	for (size_t i = 0; i < 5000; i++) {
		assert_true(strmap_get(map, keys[i], strlen(keys[i]), &value));
		assert_int_equal(value, i);
	}
	assert_false(strmap_get(map, "k5000", 5, NULL));
	strmap_free(map);
}

static void count_task(void *context, size_t task, size_t worker)
{
	_Atomic int *counts = context;
	(void)worker;
	atomic_fetch_add(&counts[task], 1);
}

static void pool_runs_every_task_once(void **state)
{
	static _Atomic int counts[1000];
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (int round = 0; round < 50; round++)
		pool_run(pool, 1000, count_task, (void *)counts);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(counts[i], 50);
	pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_that_do_not_fit_are_refused),
		cmocka_unit_test(utf8_refuses_overlong_surrogate_and_cut_forms),
		cmocka_unit_test(json_with_a_key_twice_is_refused_by_name),
		cmocka_unit_test(json_refuses_nul_tail_and_deep_nesting),
		cmocka_unit_test(json_sizes_are_whole_and_not_negative),
		cmocka_unit_test(json_strings_escape_controls_and_bytes_that_are_not_utf8),
		cmocka_unit_test(strmap_keeps_the_first_value_through_growth),
		cmocka_unit_test(pool_runs_every_task_once),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
