/* Thumbnails of pictures whose means are known. */
#include "unit.h"

#include "image/thumbnail.h"
#include "image/transform.h"

#include <stdlib.h>

static clipcls_error error;
/* Room for one of the largest. */
static union {
	struct thumbnail made;
	uint8_t bytes[sizeof(struct thumbnail) + CLIPCLS_THUMBNAIL_LIMIT * CLIPCLS_THUMBNAIL_LIMIT * 3];
} room;
static struct thumbnail *const thumbnail = &room.made;

static struct image *picture(enum image_mode mode, size_t width, size_t height)
{
	struct image *image = image_blank(mode, width, height);
	assert_non_null(image);
	return image;
}

static void reduce(struct image *image, size_t size, const uint8_t *background)
{
	assert_ok(thumbnail_make(thumbnail, image, size, background, &error));
	assert_true(thumbnail_is_possible(thumbnail, size));
	image_free(image);
}

static void expect_pixel(size_t x, size_t y, uint8_t red, uint8_t green, uint8_t blue)
{
	const uint8_t expected[3] = { red, green, blue };
	assert_memory_equal(thumbnail->rgb + (y * thumbnail->width + x) * 3, expected, 3);
}

static void the_longer_side_is_what_was_asked_for(void **state)
{
	static const size_t sides[][4] = { { 192, 96, 96, 48 },    { 96, 192, 48, 96 },
		                               { 4000, 3000, 96, 72 }, { 1, 5000, 1, 96 },
		                               { 5000, 1, 96, 1 },     { 97, 97, 96, 96 },
		                               { 50, 30, 50, 30 },     { 96, 96, 96, 96 },
		                               { 3000, 1999, 96, 64 } };
	(void)state;
	for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
		reduce(picture(IMAGE_L, sides[i][0], sides[i][1]), 96, NULL);
		assert_int_equal(thumbnail->width, sides[i][2]);
		assert_int_equal(thumbnail->height, sides[i][3]);
		assert_int_equal(thumbnail->full_width, sides[i][0]);
		assert_int_equal(thumbnail->full_height, sides[i][1]);
	}
}

static void a_small_picture_stays_as_it_is(void **state)
{
	struct image *image = picture(IMAGE_RGB, 5, 3);
	uint8_t pixels[45];
	(void)state;
	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = image->data[i] = (uint8_t)(i * 5);
	reduce(image, 5, NULL);
	assert_memory_equal(thumbnail->rgb, pixels, sizeof pixels);
}

static void pixels_are_means_of_what_they_cover(void **state)
{
	struct image *image = picture(IMAGE_L, 3, 3);
	(void)state;
	/* Of three columns in two each takes one and half of the middle one; rows alike. */
	memcpy(image->data, (const uint8_t[]){ 0, 90, 255, 0, 90, 255, 0, 90, 255 }, 9);
	reduce(image, 2, NULL);
	for (size_t y = 0; y < 2; y++) {
		expect_pixel(0, y, 30, 30, 30);
		expect_pixel(1, y, 200, 200, 200);
	}
	image = picture(IMAGE_L, 3, 3);
	memcpy(image->data, (const uint8_t[]){ 0, 0, 0, 90, 90, 90, 255, 255, 255 }, 9);
	reduce(image, 2, NULL);
	for (size_t x = 0; x < 2; x++) {
		expect_pixel(x, 0, 30, 30, 30);
		expect_pixel(x, 1, 200, 200, 200);
	}
}

static void halves_are_rounded_up(void **state)
{
	struct image *image = picture(IMAGE_L, 256, 2);
	(void)state;
	for (size_t i = 0; i < 512; i++)
		image->data[i] = i % 2 == 0 ? 0 : 255;
	reduce(image, 128, NULL);
	for (size_t x = 0; x < 128; x++)
		expect_pixel(x, 0, 128, 128, 128);
}

static void a_flat_picture_stays_flat_whatever_its_size(void **state)
{
	static const size_t sides[][2] = { { 1, 30000 }, { 30000, 1 }, { 1001, 777 }, { 97, 96 } };
	(void)state;
	for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
		struct image *image = picture(IMAGE_RGB, sides[i][0], sides[i][1]);
		for (size_t k = 0; k < sides[i][0] * sides[i][1]; k++)
			memcpy(image->data + 3 * k, (const uint8_t[]){ 255, 254, 1 }, 3);
		reduce(image, 96, NULL);
		for (size_t k = 0; k < (size_t)thumbnail->width * thumbnail->height; k++)
			expect_pixel(k % thumbnail->width, k / thumbnail->width, 255, 254, 1);
	}
}

/* Half of a red pixel, and a green one that cannot be seen. */
static struct image *transparent(void)
{
	struct image *image = picture(IMAGE_RGBA, 2, 2);
	for (size_t y = 0; y < 2; y++)
		memcpy(image->data + 8 * y, (const uint8_t[]){ 200, 0, 0, 255, 0, 255, 0, 0 }, 8);
	image->has_transparency = true;
	return image;
}

static void colours_that_are_transparent_do_not_show(void **state)
{
	(void)state;
	reduce(transparent(), 1, (const uint8_t[]){ 0, 0, 100 });
	expect_pixel(0, 0, 100, 0, 50);
	reduce(transparent(), 1, NULL); /* on white */
	expect_pixel(0, 0, 228, 128, 128);
}

static void a_checkerboard_is_behind_transparent_pixels(void **state)
{
	(void)state;
	reduce(picture(IMAGE_RGBA, 32, 16), 96, NULL);
	expect_pixel(0, 0, 255, 255, 255);
	expect_pixel(7, 7, 255, 255, 255);
	expect_pixel(8, 0, 204, 204, 204);
	expect_pixel(8, 8, 255, 255, 255);
	expect_pixel(0, 15, 204, 204, 204);
}

static void every_mode_is_shown(void **state)
{
	struct image *image = picture(IMAGE_P, 1, 1);
	(void)state;
	memcpy(image->palette[7], (const uint8_t[]){ 1, 2, 3 }, 3);
	image->data[0] = 7;
	reduce(image, 96, NULL);
	expect_pixel(0, 0, 1, 2, 3);
	image = picture(IMAGE_CMYK, 1, 1);
	memcpy(image->data, (const uint8_t[]){ 0, 255, 255, 0 }, 4);
	reduce(image, 96, NULL);
	expect_pixel(0, 0, 255, 0, 0);
	image = picture(IMAGE_LA, 1, 1);
	memcpy(image->data, (const uint8_t[]){ 40, 255 }, 2);
	reduce(image, 96, NULL);
	expect_pixel(0, 0, 40, 40, 40);
	image = picture(IMAGE_I16, 1, 1);
	memcpy(image->data, (const uint8_t[]){ 90, 0 }, 2);
	reduce(image, 96, NULL);
	expect_pixel(0, 0, 90, 90, 90);
}

static void what_a_decoder_cannot_have_made_is_told(void **state)
{
	static const uint32_t sides[][2] = {
		{ 0, 1 }, { 1, 0 }, { 97, 1 }, { 1, 97 }, { UINT32_MAX, UINT32_MAX }, { 513, 513 }
	};
	(void)state;
	for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
		thumbnail->width = sides[i][0];
		thumbnail->height = sides[i][1];
		assert_false(thumbnail_is_possible(thumbnail, 96));
	}
	assert_false(thumbnail_is_possible(thumbnail, 1000)); /* 513 x 513: beyond the limit */
	thumbnail->width = thumbnail->height = 96;
	assert_true(thumbnail_is_possible(thumbnail, 96));
	thumbnail->full_width = 0;
	assert_false(thumbnail_is_possible(thumbnail, 96));
}

/* Flat, so that quality 70 leaves it within 4 levels. */
static void its_file_is_a_jpeg_of_the_same_picture(void **state)
{
	static const struct image_limits limits = { .max_pixels = 1 << 20 };
	struct image *image = picture(IMAGE_RGB, 31, 17), *read = NULL;
	struct buffer file = { 0 };
	(void)state;
	for (size_t i = 0; i < 31 * 17 * 3; i++)
		image->data[i] = (uint8_t)(60 + 60 * (i % 3));
	reduce(image, 96, NULL);
	thumbnail_encode(&file, thumbnail);
	assert_false(file.failed);
	assert_ok(image_decode(&read, (const uint8_t *)file.bytes, file.size, &limits, "x", &error));
	assert_int_equal(read->mode, IMAGE_RGB);
	assert_int_equal(read->width, 31);
	assert_int_equal(read->height, 17);
	for (size_t i = 0; i < 31 * 17 * 3; i++)
		assert_in_range(read->data[i] + 4 - (60 + 60 * (i % 3)), 0, 8);
	image_free(read);
	buffer_free(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longer_side_is_what_was_asked_for),
		cmocka_unit_test(a_small_picture_stays_as_it_is),
		cmocka_unit_test(pixels_are_means_of_what_they_cover),
		cmocka_unit_test(halves_are_rounded_up),
		cmocka_unit_test(a_flat_picture_stays_flat_whatever_its_size),
		cmocka_unit_test(colours_that_are_transparent_do_not_show),
		cmocka_unit_test(a_checkerboard_is_behind_transparent_pixels),
		cmocka_unit_test(every_mode_is_shown),
		cmocka_unit_test(what_a_decoder_cannot_have_made_is_told),
		cmocka_unit_test(its_file_is_a_jpeg_of_the_same_picture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
