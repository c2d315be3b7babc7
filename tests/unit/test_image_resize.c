/* Resizing along one axis, in the modes that have rules of their own, and transparency. */
#include "unit.h"

#include "image/transform.h"

#include <stdlib.h>

static clipcls_error error;

static struct image *blank(enum image_mode mode, size_t width, size_t height)
{
	struct image *image = image_blank(mode, width, height);
	assert_non_null(image);
	return image;
}

static struct image *resized(const struct image *image, size_t width, size_t height)
{
	const struct image_window all = { 0, 0, width, height };
	struct image *out = NULL;
	assert_ok(image_resize(&out, image, width, height, INTERPOLATION_BILINEAR, &all, &error));
	assert_int_equal(out->mode, image->mode);
	return out;
}

/* Bilinear down to a half: each output is 1/8, 3/8, 3/8, 1/8 of four sources, at the edges 3/7,
 * 3/7, 1/7 of three. */
static void one_axis_alone_is_resized_in_either_direction(void **state)
{
	static const uint8_t samples[8] = { 0, 70, 140, 210, 70, 0, 0, 140 };
	static const uint8_t halved[4] = { 50, 149, 53, 60 };
	(void)state;
	for (int upright = 0; upright < 2; upright++) {
		struct image *image = blank(IMAGE_L, upright ? 1 : 8, upright ? 8 : 1);
		memcpy(image->data, samples, 8);
		struct image *out = resized(image, upright ? 1 : 4, upright ? 4 : 1);
		for (size_t i = 0; i < 4; i++)
			assert_true(abs(out->data[i] - halved[i]) <= 1);
		image_free(out);
		image_free(image);
	}
}

static void a_flat_picture_stays_flat_in_every_mode_and_order_of_passes(void **state)
{
	static const enum image_mode modes[] = { IMAGE_L,    IMAGE_LA,  IMAGE_RGB,
		                                     IMAGE_RGBA, IMAGE_I16, IMAGE_CMYK };
	static const size_t sizes[][2] = { { 9, 9 }, { 20, 5 }, { 5, 40 }, { 9, 40 }, { 30, 9 } };
	(void)state;
	for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
			struct image *image = blank(modes[m], sizes[s][0], sizes[s][1]);
			size_t n = sizes[s][0] * sizes[s][1] * image_mode_bytes(modes[m]);
			memset(image->data, 255, n);
			struct image *out = resized(image, 9, 9);
			for (size_t i = 0; i < 81 * image_mode_bytes(modes[m]); i++)
				assert_int_equal(out->data[i], 255);
			image_free(out);
			image_free(image);
		}
	}
}

/* What is seen through must not tint what is not. */
static void colours_are_weighed_by_their_alpha(void **state)
{
	struct image *image = blank(IMAGE_RGBA, 4, 1);
	static const uint8_t pixels[16] = {
		200, 0, 0, 255, 0, 200, 0, 0, 0, 200, 0, 0, 200, 0, 0, 255
	};
	(void)state;
	memcpy(image->data, pixels, sizeof pixels);
	struct image *out = resized(image, 2, 1);
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *p = out->data + 4 * i;
		assert_true(p[3] > 0 && p[3] < 255);
		assert_true(abs(p[0] - 200) <= 3 && p[1] == 0 && p[2] == 0);
	}
	image_free(out);
	image_free(image);
}

static void sides_that_pillow_cannot_resize_are_refused(void **state)
{
	struct image *image = blank(IMAGE_L, 1, 1), *out = NULL;
	const struct image_window one = { 0, 0, 1, 1 };
	(void)state;
	const size_t large = (size_t)1 << 31;
	assert_error(image_resize(&out, image, large, 1, INTERPOLATION_BICUBIC, &one, &error),
	             CLIPCLS_ERR_LIMIT, "too long for resizing");
	assert_error(image_resize(&out, image, 1, large, INTERPOLATION_BICUBIC, &one, &error),
	             CLIPCLS_ERR_LIMIT, "too long for resizing");
	image->width = large;
	assert_error(image_resize(&out, image, 1, 1, INTERPOLATION_BICUBIC, &one, &error),
	             CLIPCLS_ERR_LIMIT, "too long for resizing");
	image->width = 1;
	image->height = large;
	assert_error(image_resize(&out, image, 1, 1, INTERPOLATION_BICUBIC, &one, &error),
	             CLIPCLS_ERR_LIMIT, "too long for resizing");
	assert_null(out);
	image->height = 1;
	image_free(image);
}

static const uint8_t background[3] = { 10, 20, 30 };

/* The first pixel is of the transparent colour, each other one differs in one channel. */
static void a_transparent_colour_shows_the_background(void **state)
{
	static const uint8_t pixels[12] = { 1, 2, 3, 9, 2, 3, 1, 9, 3, 1, 2, 9 };
	struct image *image = blank(IMAGE_RGB, 4, 1);
	(void)state;
	memcpy(image->data, pixels, sizeof pixels);
	image->has_transparency = image->has_transparent_color = true;
	image->transparent_color[0] = 0x101; /* by its low byte, as in Pillow */
	image->transparent_color[1] = 2;
	image->transparent_color[2] = 3;
	assert_ok(image_to_rgb(image, background, &error));
	assert_memory_equal(image->data, background, 3);
	assert_memory_equal(image->data + 3, pixels + 3, 9);
	image_free(image);
}

static void a_transparent_colour_becomes_white(void **state)
{
	static const uint8_t pixels[12] = { 1, 2, 3, 9, 2, 3, 1, 9, 3, 1, 2, 9 };
	static const uint8_t white[3] = { 255, 255, 255 };
	struct image *image = blank(IMAGE_RGB, 4, 1);
	(void)state;
	memcpy(image->data, pixels, sizeof pixels);
	image_whiten_transparent(image);
	assert_memory_equal(image->data, pixels, sizeof pixels); /* there is none */
	image->has_transparent_color = true;
	for (uint16_t c = 0; c < 3; c++)
		image->transparent_color[c] = (uint16_t)(c + 1);
	image_whiten_transparent(image);
	assert_memory_equal(image->data, white, 3);
	assert_memory_equal(image->data + 3, pixels + 3, 9);
	image_free(image);
}

static void a_transparent_grey_that_no_byte_holds_is_white(void **state)
{
	struct image *image = blank(IMAGE_L, 1, 1);
	(void)state;
	image->has_transparency = image->has_transparent_color = true;
	image->transparent_color[0] = 300;
	assert_ok(image_to_rgb(image, NULL, &error));
	assert_int_equal(image->mode, IMAGE_RGB);
	for (int c = 0; c < 3; c++)
		assert_int_equal(image->transparent_color[c], 255);
	image_free(image);
}

/* Turning twice by 180 degrees, and by 90 and back, gives what was there, in every mode. */
static void turning_and_turning_back_is_nothing_in_every_mode(void **state)
{
	static const int there[] = { 2, 3, 4, 5, 6, 7, 8 }, back[] = { 2, 3, 4, 5, 8, 7, 6 };
	(void)state;
	for (int mode = IMAGE_1; mode <= IMAGE_CMYK; mode++) {
		for (size_t i = 0; i < 7; i++) {
			struct image *image = blank((enum image_mode)mode, 3, 2);
			size_t n = 6 * image_mode_bytes(image->mode);
			for (size_t k = 0; k < n; k++)
				image->data[k] = (uint8_t)k;
			image->orientation = there[i];
			assert_ok(image_orient(image, &error));
			assert_int_equal(image->width, there[i] > 4 ? 2 : 3);
			image->orientation = back[i];
			assert_ok(image_orient(image, &error));
			for (size_t k = 0; k < n; k++)
				assert_int_equal(image->data[k], k);
			image_free(image);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_axis_alone_is_resized_in_either_direction),
		cmocka_unit_test(a_flat_picture_stays_flat_in_every_mode_and_order_of_passes),
		cmocka_unit_test(colours_are_weighed_by_their_alpha),
		cmocka_unit_test(sides_that_pillow_cannot_resize_are_refused),
		cmocka_unit_test(a_transparent_colour_shows_the_background),
		cmocka_unit_test(a_transparent_colour_becomes_white),
		cmocka_unit_test(a_transparent_grey_that_no_byte_holds_is_white),
		cmocka_unit_test(turning_and_turning_back_is_nothing_in_every_mode),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
