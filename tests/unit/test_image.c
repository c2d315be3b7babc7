#include "test_image.h"

#include "image/preprocess.h"
#include "image/transform.h"

#include "base/buffer.h"

#include <math.h>

static const struct image_limits limits = { .max_pixels = 1000000 };

/* golden.bin: for each of these the (8, 8, 3) pixels of transformers, then those of open_clip, for
 * bicubic shortest edge 8 and centre crop 8. Written by tests/data/images/make_images.py. */
static const struct picture {
	const char *name;
	enum image_mode mode;
} PICTURES[] = {
	{ "grey.jpg", IMAGE_L },
	{ "color.jpg", IMAGE_RGB },
	{ "progressive.jpg", IMAGE_RGB },
	{ "cmyk.jpg", IMAGE_CMYK },
	{ "bilevel.png", IMAGE_1 },
	{ "palette.png", IMAGE_P },
	{ "palette_alpha.png", IMAGE_P },
	{ "grey_alpha.png", IMAGE_LA },
	{ "rgba_interlaced.png", IMAGE_RGBA },
	{ "grey16.png", IMAGE_I16 },
	{ "rgb16.png", IMAGE_RGB },
	{ "lossy.webp", IMAGE_RGB },
	{ "alpha.webp", IMAGE_RGBA },
	{ "palette.gif", IMAGE_P },
	{ "interlaced.gif", IMAGE_P },
	{ "palette.bmp", IMAGE_P },
	{ "rgb.bmp", IMAGE_RGB },
	{ "color.ppm", IMAGE_RGB },
	{ "bilevel.pbm", IMAGE_1 },
};
enum { N_PICTURES = sizeof PICTURES / sizeof *PICTURES, GOLDEN_SIDE = 8 };
enum { GOLDEN_BYTES = GOLDEN_SIDE * GOLDEN_SIDE * 3 };

static struct preprocess_config config_of(enum preprocess_order order)
{
	return (struct preprocess_config){
		.order = order,
		.do_resize = true,
		.resize_mode = RESIZE_SHORTEST,
		.resize_height = GOLDEN_SIDE,
		.resize_width = GOLDEN_SIDE,
		.interpolation = INTERPOLATION_BICUBIC,
		.do_center_crop = true,
		.crop_height = GOLDEN_SIDE,
		.crop_width = GOLDEN_SIDE,
		.rescale_factor = 1 / 255.0,
		.mean = { 0.5, 0.25, 0 },
		.std = { 0.5, 0.25, 1 },
	};
}

static void every_format_gives_the_references_pixels(void **state)
{
	size_t golden_size;
	uint8_t *golden = image_bytes("golden.bin", &golden_size), rgb[GOLDEN_BYTES];
	(void)state;
	assert_int_equal(golden_size, N_PICTURES * 2 * GOLDEN_BYTES);
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t size;
		if (!has_own_decoder(PICTURES[i].name))
			continue;
		uint8_t *bytes = image_bytes(PICTURES[i].name, &size);
		for (size_t order = 0; order < 2; order++) {
			struct preprocess_config config =
			    config_of(order == 0 ? PREPROCESS_HUGGINGFACE : PREPROCESS_OPENCLIP);
			assert_ok(preprocess_rgb(rgb, bytes, size, &config, GOLDEN_SIDE, NULL, PICTURES[i].name,
			                         &error));
			if (memcmp(rgb, golden + (2 * i + order) * GOLDEN_BYTES, GOLDEN_BYTES) != 0)
				fail_msg("%s, order %zu", PICTURES[i].name, order);
		}
		free(bytes);
	}
	free(golden);
}

static void pictures_keep_their_files_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t size;
		struct image *image = NULL;
		if (!has_own_decoder(PICTURES[i].name))
			continue;
		uint8_t *bytes = image_bytes(PICTURES[i].name, &size);
		assert_ok(image_decode(&image, bytes, size, &limits, PICTURES[i].name, &error));
		assert_int_equal(image->mode, PICTURES[i].mode);
		image_free(image);
		free(bytes);
	}
}

static void every_orientation_is_turned_upright(void **state)
{
	static const uint8_t upright[] = { 1, 2, 3, 4, 5, 6 };
	(void)state;
	for (int orientation = 1; orientation <= 8; orientation++) {
		char name[64];
		size_t size;
		struct image *image = NULL;
		snprintf(name, sizeof name, "orientation_%d.png", orientation);
		uint8_t *bytes = image_bytes(name, &size);
		assert_ok(image_decode(&image, bytes, size, &limits, name, &error));
		assert_int_equal(image->orientation, orientation);
		assert_ok(image_orient(image, &error));
		assert_int_equal(image->orientation, 1);
		assert_int_equal(image->width, 2);
		assert_int_equal(image->height, 3);
		assert_memory_equal(image->data, upright, sizeof upright);
		image_free(image);
		free(bytes);
	}
}

static void exif_is_applied_unless_it_is_to_be_ignored(void **state)
{
	size_t size;
	uint8_t *bytes = image_bytes("orientation_3.png", &size);
	uint8_t turned[12], stored[12];
	struct preprocess_config config = config_of(PREPROCESS_OPENCLIP);
	clipcls_image_options options = { .ignore_exif = 1 };
	(void)state;
	config.do_resize = false;
	config.crop_width = config.crop_height = 2;
	assert_ok(preprocess_rgb(turned, bytes, size, &config, 2, NULL, "x", &error));
	assert_ok(preprocess_rgb(stored, bytes, size, &config, 2, &options, "x", &error));
	/* crop of rows 0 and 1: (3 - 2) / 2 = 0.5 rounds to even */
	assert_int_equal(turned[0], 1);
	assert_int_equal(stored[0], 6);
	free(bytes);
}

static void truncated_files_are_damaged(void **state)
{
	/* A PNG or GIF whose end marker alone is missing may pass; an animation of three frames from
	 * its first frame on. */
	enum { TAIL = 16 };
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t size;
		uint8_t *bytes = image_bytes(PICTURES[i].name, &size);
		size_t needed = strcmp(PICTURES[i].name, "palette.gif") == 0 ? size / 3 : size;
		for (size_t n = 0; n < size; n++) {
			struct image *image = NULL;
			/* Exactly n bytes, so that a sanitizer sees a read beyond them. */
			uint8_t *prefix = malloc(n + (n == 0));
			assert_non_null(prefix);
			memcpy(prefix, bytes, n);
			clipcls_status status =
			    image_decode(&image, prefix, n, &limits, PICTURES[i].name, &error);
			if (status == CLIPCLS_OK
			        ? n + TAIL < needed
			        : status != CLIPCLS_ERR_DECODE && status != CLIPCLS_ERR_UNSUPPORTED)
				fail_msg("%s, %zu of %zu bytes: status %d", PICTURES[i].name, n, size, status);
			image_free(image);
			free(prefix);
		}
		free(bytes);
	}
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void changed_bytes_give_a_picture_or_an_error(void **state)
{
	enum { TRIALS = 400 };
	const clipcls_image_options options = { .max_pixels = 10000 };
	const struct preprocess_config config = config_of(PREPROCESS_OPENCLIP);
	uint8_t rgb[GOLDEN_BYTES];
	uint32_t random = 1;
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t size;
		uint8_t *bytes = image_bytes(PICTURES[i].name, &size);
		for (int trial = 0; trial < TRIALS; trial++) {
			uint8_t *copy = malloc(size);
			assert_non_null(copy);
			memcpy(copy, bytes, size);
			/* Headers are hit more often than their share. */
			size_t reach = trial % 2 == 0 && size > 64 ? 64 : size;
			for (int k = 0; k < 1 + trial % 3; k++)
				copy[next_random(&random) % reach] = (uint8_t)next_random(&random);
			preprocess_rgb(rgb, copy, size, &config, GOLDEN_SIDE, &options, "x", &error);
			free(copy);
		}
		free(bytes);
	}
}

/* The file with its width and height, at `at`, replaced by n bytes. */
static void assert_limit(const char *name, size_t at, const void *replacement, size_t n)
{
	struct image *image = NULL;
	size_t size;
	uint8_t *bytes = image_bytes(name, &size);
	assert_true(at + n <= size);
	memcpy(bytes + at, replacement, n);
	assert_error(image_decode(&image, bytes, size, &limits, name, &error), CLIPCLS_ERR_LIMIT,
	             "are more than the limit of 1000000");
	assert_null(image);
	free(bytes);
}

static void sizes_beyond_the_limit_are_refused_from_the_header(void **state)
{
	struct image *image = NULL;
	const char ppm[] = "P6\n1001 1000\n255\n";
	const char pbm[] = "P4\n4294967295 4294967295\n";
	(void)state;
	assert_limit("rgb16.png", 16, "\x7f\xff\xff\xff\x7f\xff\xff\xff", 8);
	assert_limit("rgb.bmp", 18, "\xff\xff\0\0\xff\xff\0\0", 8);
	if (has_own_decoder(".gif"))
		assert_limit("palette.gif", 6, "\xff\xff\xff\xff", 4);
	assert_error(image_decode(&image, (const uint8_t *)ppm, sizeof ppm - 1, &limits, "x", &error),
	             CLIPCLS_ERR_LIMIT, "x: 1001 x 1000");
	assert_error(image_decode(&image, (const uint8_t *)pbm, sizeof pbm - 1, &limits, "x", &error),
	             CLIPCLS_ERR_LIMIT, "limit");
}

static void jpeg_and_webp_sizes_are_limited_too(void **state)
{
	size_t size;
	uint8_t *bytes = image_bytes("color.jpg", &size), *frame = NULL;
	struct image *image = NULL;
	(void)state;
	for (size_t i = 0; i + 9 < size && frame == NULL; i++)
		if (bytes[i] == 0xff && bytes[i + 1] == 0xc0)
			frame = bytes + i;
	assert_non_null(frame);
	memcpy(frame + 5, "\xf0\0\xff\0", 4);
	assert_error(image_decode(&image, bytes, size, &limits, "x", &error), CLIPCLS_ERR_LIMIT,
	             "65280 x 61440");
	free(bytes);
	if (!has_own_decoder(".webp"))
		return;
	bytes = image_bytes("lossy.webp", &size);
	const struct image_limits few = { .max_pixels = 21 * 17 - 1 };
	assert_error(image_decode(&image, bytes, size, &few, "x", &error), CLIPCLS_ERR_LIMIT,
	             "21 x 17");
	free(bytes);
}

static void unread_formats_are_named(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *text;
	} files[] = {
		{ "\0\0\0\x18"
		  "ftypheic\0\0\0\0",
		  16, "does not read HEIC" },
		{ "\0\0\0\x18"
		  "ftypavif\0\0\0\0",
		  16, "does not read AVIF" },
		{ "II\x2a\0\x08\0\0\0", 8, "does not read TIFF" },
		{ "MM\0\x2a\0\0\0\x08", 8, "does not read TIFF" },
		{ "hello, world", 12, "not a picture of a known format" },
	};
	struct image *image = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		assert_error(image_decode(&image, (const uint8_t *)files[i].bytes, files[i].size, &limits,
		                          "dir/x", &error),
		             CLIPCLS_ERR_UNSUPPORTED, files[i].text);
	assert_error(image_decode(&image, (const uint8_t *)"", 0, &limits, "x", &error),
	             CLIPCLS_ERR_DECODE, "x: the file is empty");
}

/* A picture of one row or one pixel through both orders. */
static void assert_flat(const char *pnm, size_t size, uint8_t expected)
{
	uint8_t rgb[GOLDEN_BYTES];
	for (size_t order = 0; order < 2; order++) {
		struct preprocess_config config =
		    config_of(order == 0 ? PREPROCESS_HUGGINGFACE : PREPROCESS_OPENCLIP);
		assert_ok(preprocess_rgb(rgb, (const uint8_t *)pnm, size, &config, GOLDEN_SIDE, NULL, "x",
		                         &error));
		for (size_t i = 0; i < GOLDEN_BYTES; i++)
			assert_int_equal(rgb[i], expected);
	}
}

static void one_pixel_and_one_row_fill_the_square(void **state)
{
	(void)state;
	assert_flat("P2 1 1 255 77", 13, 77);
	assert_flat("P2 5 1 255 9 9 9 9 9", 20, 9);
	assert_flat("P1 1 3 0 0 0", 12, 255);
}

/* 1 x 3,000,000 becomes 8 x 24,000,000 before the crop: only the crop is ever computed. */
static void extreme_shapes_cost_no_more_than_their_pixels(void **state)
{
	enum { LENGTH = 3000000 };
	struct buffer file = { 0 };
	uint8_t rgb[GOLDEN_BYTES];
	const struct preprocess_config config = config_of(PREPROCESS_HUGGINGFACE);
	(void)state;
	buffer_format(&file, "P5 1 %d 255\n", LENGTH);
	for (size_t i = 0; i < LENGTH; i++)
		buffer_byte(&file, 123);
	assert_false(file.failed);
	assert_ok(preprocess_rgb(rgb, (const uint8_t *)file.bytes, file.size, &config, GOLDEN_SIDE,
	                         NULL, "x", &error));
	assert_int_equal(rgb[0], 123);
	assert_int_equal(rgb[GOLDEN_BYTES - 1], 123);
	buffer_free(&file);
}

/* 11 columns to 8: 1.5 too many on each side. */
static void crops_round_as_their_reference_does(void **state)
{
	struct buffer file = { 0 };
	uint8_t rgb[GOLDEN_BYTES];
	struct preprocess_config config = config_of(PREPROCESS_HUGGINGFACE);
	(void)state;
	config.do_resize = false;
	buffer_text(&file, "P2 11 8 255");
	for (int i = 0; i < 8 * 11; i++)
		buffer_format(&file, " %d", i % 11);
	assert_ok(preprocess_rgb(rgb, (const uint8_t *)file.bytes, file.size, &config, GOLDEN_SIDE,
	                         NULL, "x", &error));
	assert_int_equal(rgb[0], 1);
	config.order = PREPROCESS_OPENCLIP;
	assert_ok(preprocess_rgb(rgb, (const uint8_t *)file.bytes, file.size, &config, GOLDEN_SIDE,
	                         NULL, "x", &error));
	assert_int_equal(rgb[0], 2);
	buffer_free(&file);
}

static void a_shape_that_the_tower_does_not_take_is_refused(void **state)
{
	struct preprocess_config config = config_of(PREPROCESS_HUGGINGFACE);
	uint8_t rgb[GOLDEN_BYTES];
	(void)state;
	config.do_center_crop = false;
	assert_error(preprocess_rgb(rgb, (const uint8_t *)"P2 2 1 1 0 1", 12, &config, GOLDEN_SIDE,
	                            NULL, "x", &error),
	             CLIPCLS_ERR_UNSUPPORTED, "x: the model's preprocessing makes it 16 x 8");
}

static void transparency_is_composited_only_on_request(void **state)
{
	struct image image = { .mode = IMAGE_RGBA, .width = 3, .height = 1, .has_transparency = true };
	static const uint8_t pixels[] = { 10, 20, 30, 0, 10, 20, 30, 128, 10, 20, 30, 255 };
	static const uint8_t white[] = { 255, 255, 255 };
	/* 10 * 128 / 255 + 255 * 127 / 255 = 132.02 and so on */
	static const uint8_t composited[] = { 255, 255, 255, 132, 137, 142, 10, 20, 30 };
	static const uint8_t dropped[] = { 10, 20, 30, 10, 20, 30, 10, 20, 30 };
	(void)state;
	for (int on = 0; on < 2; on++) {
		image.mode = IMAGE_RGBA;
		image.has_transparency = true;
		image.data = malloc(sizeof pixels);
		assert_non_null(image.data);
		memcpy(image.data, pixels, sizeof pixels);
		assert_ok(image_to_rgb(&image, on ? white : NULL, &error));
		assert_memory_equal(image.data, on ? composited : dropped, sizeof dropped);
		free(image.data);
	}
}

static void normalising_follows_each_reference(void **state)
{
	const uint8_t rgb[] = { 0, 128, 255 };
	float pixels[3];
	struct preprocess_config config = config_of(PREPROCESS_HUGGINGFACE);
	(void)state;
	preprocess_normalize(pixels, rgb, &config, 1);
	assert_true(pixels[0] == -1.0f);
	assert_true(pixels[1] == ((float)(128 * (1 / 255.0)) - 0.25f) / 0.25f);
	assert_true(pixels[2] == 1.0f);
	config.order = PREPROCESS_OPENCLIP;
	preprocess_normalize(pixels, rgb, &config, 1);
	assert_true(pixels[1] == (128.0f / 255.0f - 0.25f) / 0.25f);
}

static void decoders_and_extensions_are_listed(void **state)
{
	struct buffer text = { 0 };
	size_t n = 0;
	bool heic = false;
	(void)state;
	image_decoders_describe(&text);
	assert_false(text.failed);
	assert_non_null(strstr(text.bytes, "decoder jpeg: "));
	assert_non_null(strstr(text.bytes, "decoder tiff: none\n"));
	buffer_free(&text);
	for (; image_extension(n) != NULL; n++)
		heic = heic || strcmp(image_extension(n), "heic") == 0;
	assert_int_equal(n, 17);
	assert_true(heic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_gives_the_references_pixels),
		cmocka_unit_test(pictures_keep_their_files_mode),
		cmocka_unit_test(every_orientation_is_turned_upright),
		cmocka_unit_test(exif_is_applied_unless_it_is_to_be_ignored),
		cmocka_unit_test(truncated_files_are_damaged),
		cmocka_unit_test(changed_bytes_give_a_picture_or_an_error),
		cmocka_unit_test(sizes_beyond_the_limit_are_refused_from_the_header),
		cmocka_unit_test(jpeg_and_webp_sizes_are_limited_too),
		cmocka_unit_test(unread_formats_are_named),
		cmocka_unit_test(one_pixel_and_one_row_fill_the_square),
		cmocka_unit_test(extreme_shapes_cost_no_more_than_their_pixels),
		cmocka_unit_test(crops_round_as_their_reference_does),
		cmocka_unit_test(a_shape_that_the_tower_does_not_take_is_refused),
		cmocka_unit_test(transparency_is_composited_only_on_request),
		cmocka_unit_test(normalising_follows_each_reference),
		cmocka_unit_test(decoders_and_extensions_are_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
