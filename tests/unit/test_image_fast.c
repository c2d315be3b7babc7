/* Decoding at reduced size: when, to what size, and how near the result is to the full one.
 * bee.jpg has 640 x 506 pixels. */
#include "unit.h"

#include "image/preprocess.h"
#include "image/transform.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

static clipcls_error error;

enum { WIDTH = 640, HEIGHT = 506, SIDE = 48, BYTES = SIDE * SIDE * 3, MAX_PIXELS = 1000000 };

#ifdef CLIPCLS_HAVE_JPEG
enum { REDUCES = true };
#else
enum { REDUCES = false };
#endif

static uint8_t *read_data(const char *name, size_t *size)
{
	char *bytes = NULL, path[1024];
	snprintf(path, sizeof path, TEST_DATA "/%s", name);
	assert_ok(file_read(&bytes, size, path, 1 << 20, &error));
	return (uint8_t *)bytes;
}

/* bee.jpg with an EXIF block that says `orientation`, 1 to 8. */
static uint8_t *oriented_bee(uint8_t orientation, size_t *size)
{
	uint8_t exif[] = {
		0xff, 0xe1, 0,    34,                                           /* APP1 and its length */
		'E',  'x',  'i',  'f',  0, 0,                                   /* its kind */
		'M',  'M',  0,    42,   0, 0, 0, 8,                             /* a big-endian TIFF */
		0,    1,    0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, /* one entry, a short */
		0,    0,    0,    0                                             /* no further directory */
	};
	uint8_t *bee = read_data("photos/bee.jpg", size);
	uint8_t *bytes = malloc(*size + sizeof exif);
	assert_non_null(bytes);
	memcpy(bytes, bee, 2);
	memcpy(bytes + 2, exif, sizeof exif);
	memcpy(bytes + 2 + sizeof exif, bee + 2, *size - 2);
	*size += sizeof exif;
	free(bee);
	return bytes;
}

static struct preprocess_config config_of(enum resize_mode mode, size_t side)
{
	return (struct preprocess_config){
		.order = PREPROCESS_OPENCLIP,
		.do_resize = true,
		.resize_mode = mode,
		.resize_height = side,
		.resize_width = side,
		.interpolation = INTERPOLATION_BICUBIC,
		.do_center_crop = true,
		.crop_height = side,
		.crop_width = side,
	};
}

/* Both ways through the whole of preprocessing. out: (side, side, 3) each. */
static void preprocess_both(uint8_t *full, uint8_t *fast, const uint8_t *bytes, size_t size,
                            const struct preprocess_config *config)
{
	const clipcls_image_options options = { .fast_decode = 1 };
	const size_t side = config->crop_width;
	assert_ok(preprocess_rgb(full, bytes, size, config, side, NULL, "x", &error));
	assert_ok(preprocess_rgb(fast, bytes, size, config, side, &options, "x", &error));
}

static double mean_difference(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (size_t)abs(a[i] - b[i]);
	return (double)sum / (double)n;
}

static void the_largest_reduction_that_leaves_the_wanted_sides_is_taken(void **state)
{
	static const struct {
		size_t wanted_short, wanted_long, by;
	} cases[] = {
		{ 0, 0, 1 },          { 1, 0, 8 },
		{ HEIGHT / 8, 0, 8 }, { HEIGHT / 8 + 1, 0, 4 },
		{ HEIGHT / 4, 0, 4 }, { HEIGHT / 4 + 1, 0, 2 },
		{ HEIGHT / 2, 0, 2 }, { HEIGHT / 2 + 1, 0, 1 },
		{ HEIGHT, 0, 1 },     { SIZE_MAX, 0, 1 },
		{ 0, WIDTH / 8, 8 },  { 0, WIDTH / 8 + 1, 4 },
		{ 0, WIDTH / 2, 2 },  { 0, WIDTH / 2 + 1, 1 },
		{ 1, WIDTH / 4, 4 },
	};
	size_t size;
	uint8_t *bytes = read_data("photos/bee.jpg", &size);
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct image_limits limits = { MAX_PIXELS, cases[i].wanted_short,
			                                 cases[i].wanted_long };
		const size_t by = REDUCES ? cases[i].by : 1;
		struct image *image = NULL;
		assert_ok(image_decode(&image, bytes, size, &limits, "bee.jpg", &error));
		assert_int_equal(image->width, (WIDTH + by - 1) / by);
		assert_int_equal(image->height, (HEIGHT + by - 1) / by);
		assert_int_equal(image->full_width, WIDTH);
		assert_int_equal(image->full_height, HEIGHT);
		image_free(image);
	}
	free(bytes);
}

static void the_pixel_limit_counts_the_full_size(void **state)
{
	const struct image_limits limits = { WIDTH * HEIGHT - 1, 1, 1 };
	struct preprocess_config config = config_of(RESIZE_SHORTEST, SIDE);
	const clipcls_image_options options = { .fast_decode = 1, .max_pixels = WIDTH * HEIGHT - 1 };
	struct image *image = NULL;
	uint8_t rgb[BYTES];
	size_t size;
	uint8_t *bytes = read_data("photos/bee.jpg", &size);
	(void)state;
	assert_error(image_decode(&image, bytes, size, &limits, "x", &error), CLIPCLS_ERR_LIMIT,
	             "640 x 506 pixels");
	assert_error(preprocess_rgb(rgb, bytes, size, &config, SIDE, &options, "x", &error),
	             CLIPCLS_ERR_LIMIT, "640 x 506 pixels");
	free(bytes);
}

/* Levels out of 255. Whoever took the wrong shape, crop or colour is off by more than 10 in the
 * mean here; the averages of 4 x 4 pixels, resampled, leave less than 1. */
static void every_resize_mode_stays_near_the_full_decoding(void **state)
{
	static const enum resize_mode modes[] = { RESIZE_SHORTEST, RESIZE_SQUASH, RESIZE_LONGEST };
	(void)state;
	for (uint8_t orientation = 1; orientation <= 8; orientation++) {
		size_t size;
		uint8_t *bytes = oriented_bee(orientation, &size);
		for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
			uint8_t full[BYTES], fast[BYTES];
			struct preprocess_config config = config_of(modes[i], SIDE);
			preprocess_both(full, fast, bytes, size, &config);
			double difference = mean_difference(full, fast, BYTES);
			if (difference >= 1 || (difference > 0) != REDUCES)
				fail_msg("orientation %d, %s: mean difference %g", orientation,
				         resize_mode_words[modes[i]], difference);
		}
		free(bytes);
	}
}

static void what_is_not_twice_the_reduced_size_is_decoded_in_full(void **state)
{
	enum { LARGE = HEIGHT / 4 + 1 }; /* half the picture's size has less than twice as much */
	static uint8_t full[LARGE * LARGE * 3], fast[LARGE * LARGE * 3];
	struct preprocess_config config = config_of(RESIZE_SHORTEST, LARGE);
	size_t size;
	uint8_t *bytes = read_data("photos/bee.jpg", &size);
	(void)state;
	preprocess_both(full, fast, bytes, size, &config);
	assert_memory_equal(full, fast, sizeof full);
	free(bytes);
}

static void other_formats_are_decoded_in_full(void **state)
{
	uint8_t full[BYTES], fast[BYTES];
	struct preprocess_config config = config_of(RESIZE_SHORTEST, SIDE);
	size_t size;
	uint8_t *bytes = read_data("photos/goldfish.png", &size);
	(void)state;
	preprocess_both(full, fast, bytes, size, &config);
	assert_memory_equal(full, fast, sizeof full);
	free(bytes);
}

static void a_picture_that_is_not_resized_is_decoded_in_full(void **state)
{
	uint8_t full[BYTES], fast[BYTES];
	struct preprocess_config config = config_of(RESIZE_SHORTEST, SIDE);
	size_t size;
	uint8_t *bytes = read_data("photos/bee.jpg", &size);
	(void)state;
	config.do_resize = false;
	preprocess_both(full, fast, bytes, size, &config);
	assert_memory_equal(full, fast, sizeof full);
	free(bytes);
}

static void reduced_pictures_keep_their_mode_and_their_truncation_is_seen(void **state)
{
	static const struct {
		const char *name;
		enum image_mode mode;
	} files[] = {
		{ "images/grey.jpg", IMAGE_L },
		{ "images/color.jpg", IMAGE_RGB },
		{ "images/progressive.jpg", IMAGE_RGB },
		{ "images/cmyk.jpg", IMAGE_CMYK },
	};
	const struct image_limits limits = { MAX_PIXELS, 1, 1 };
	(void)state;
	if (!REDUCES)
		return; /* stb_image has other modes */
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		size_t size;
		uint8_t *bytes = read_data(files[i].name, &size);
		struct image *image = NULL;
		assert_ok(image_decode(&image, bytes, size, &limits, files[i].name, &error));
		assert_int_equal(image->mode, files[i].mode);
		assert_true(image->width < image->full_width);
		image_free(image);
		for (size_t n = 3; n < size / 2; n++) {
			uint8_t *prefix = malloc(n); /* of its own, so that the sanitizer sees its end */
			assert_non_null(prefix);
			memcpy(prefix, bytes, n);
			assert_int_equal(image_decode(&image, prefix, n, &limits, files[i].name, &error),
			                 CLIPCLS_ERR_DECODE);
			free(prefix);
		}
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_reduction_that_leaves_the_wanted_sides_is_taken),
		cmocka_unit_test(the_pixel_limit_counts_the_full_size),
		cmocka_unit_test(every_resize_mode_stays_near_the_full_decoding),
		cmocka_unit_test(what_is_not_twice_the_reduced_size_is_decoded_in_full),
		cmocka_unit_test(other_formats_are_decoded_in_full),
		cmocka_unit_test(a_picture_that_is_not_resized_is_decoded_in_full),
		cmocka_unit_test(reduced_pictures_keep_their_mode_and_their_truncation_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
