/* Heat over small pictures, pixel by pixel. */
#include "unit.h"

#include "image/heat_map.h"

#include <stdbool.h>

/* Grey 100 everywhere. */
static void grey(uint8_t *rgb, size_t pixels)
{
	memset(rgb, 100, pixels * 3);
}

static bool is_grey(const uint8_t *pixel)
{
	return pixel[0] == pixel[1] && pixel[1] == pixel[2];
}

static void heat_is_red_and_cold_is_blue(void **state)
{
	const float heat[] = { 2, 0, 0, -2 };
	const struct heat_map map = { heat, 1, 4, 0.25, { 0, -1.5, 1, 2.5 } };
	uint8_t rgb[12];
	(void)state;
	grey(rgb, 4);
	heat_map_draw(rgb, 4, 1, &map);
	/* 0.85 of Moreland's last colours and 0.15 of the grey. */
	assert_memory_equal(rgb, ((uint8_t[]){ 168, 18, 47 }), 3);
	assert_memory_equal(rgb + 3, ((uint8_t[]){ 100, 100, 100 }), 3);
	assert_memory_equal(rgb + 9, ((uint8_t[]){ 65, 80, 178 }), 3);
}

static void colours_of_the_picture_are_gone(void **state)
{
	const float heat[] = { 0 };
	const struct heat_map map = { heat, 1, 1, 1, { 0, 0, 1, 1 } };
	uint8_t rgb[] = { 255, 0, 0, 0, 255, 0 };
	(void)state;
	heat_map_draw(rgb, 2, 1, &map);
	assert_memory_equal(rgb, ((uint8_t[]){ 76, 76, 76, 150, 150, 150 }), 6);
}

static void what_the_tower_does_not_see_is_faded(void **state)
{
	const float heat[] = { 3 };
	const struct heat_map map = { heat, 1, 1, 1, { 0.25, 0, 0.75, 1 } };
	uint8_t rgb[12];
	(void)state;
	grey(rgb, 4);
	heat_map_draw(rgb, 4, 1, &map);
	assert_memory_equal(rgb, ((uint8_t[]){ 139, 139, 139 }), 3);
	assert_false(is_grey(rgb + 3));
	assert_false(is_grey(rgb + 6));
	assert_memory_equal(rgb + 9, ((uint8_t[]){ 139, 139, 139 }), 3);
}

/* Columns of a square of which a quarter lies above the picture: cells of padding are not seen. */
static void a_padded_square_reaches_beyond_the_picture(void **state)
{
	const float heat[] = { 9, 9, 0, 0, 0, 0, 9, 9 };
	const struct heat_map map = { heat, 4, 2, 0.25, { 0, -0.5, 1, 1.5 } };
	uint8_t rgb[12];
	(void)state;
	grey(rgb, 4);
	heat_map_draw(rgb, 2, 2, &map);
	for (size_t i = 0; i < 4; i++)
		assert_true(is_grey(rgb + 3 * i));
}

static void little_heat_stays_pale(void **state)
{
	const float heat[] = { HEAT_MAP_LEAST / 10 };
	const struct heat_map map = { heat, 1, 1, 1, { 0, 0, 1, 1 } };
	uint8_t rgb[3];
	(void)state;
	grey(rgb, 1);
	heat_map_draw(rgb, 1, 1, &map);
	for (size_t c = 0; c < 3; c++)
		assert_in_range(rgb[c], 100, 115);
}

static void heat_changes_evenly_from_cell_to_cell(void **state)
{
	const float heat[] = { 0, 1 };
	const struct heat_map map = { heat, 1, 2, 0.5, { 0, 0, 1, 1 } };
	uint8_t rgb[64 * 3];
	(void)state;
	grey(rgb, 64);
	heat_map_draw(rgb, 64, 1, &map);
	for (size_t x = 1; x < 64; x++) { /* redness never falls */
		int before = rgb[3 * x - 3] - rgb[3 * x - 1], now = rgb[3 * x] - rgb[3 * x + 2];
		assert_true(now >= before && now - before <= 12);
	}
	assert_true(is_grey(rgb));
	assert_int_equal(rgb[63 * 3], 168);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heat_is_red_and_cold_is_blue),
		cmocka_unit_test(colours_of_the_picture_are_gone),
		cmocka_unit_test(what_the_tower_does_not_see_is_faded),
		cmocka_unit_test(a_padded_square_reaches_beyond_the_picture),
		cmocka_unit_test(little_heat_stays_pale),
		cmocka_unit_test(heat_changes_evenly_from_cell_to_cell),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
