/* Pictures of every format when memory is out. */
#include "failing.h"

#include "base/file.h"
#include "image/preprocess.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 8, BYTES = SIDE * SIDE * 3 };

/* The way that one picture takes, and what comes of it. */
struct way {
	const uint8_t *bytes;
	size_t size;
	struct preprocess_config config;
	clipcls_image_options options;
	uint8_t rgb[BYTES];
};

static clipcls_status preprocess(const void *context, clipcls_error *error)
{
	const struct way *way = context;
	uint8_t rgb[BYTES];
	union {
		struct thumbnail made;
		uint8_t bytes[sizeof(struct thumbnail) + BYTES];
	} room;
	struct thumbnail *thumbnail = &room.made;
	clipcls_status status = preprocess_picture(rgb, thumbnail, way->bytes, way->size, &way->config,
	                                           SIDE, &way->options, "picture", error);
	if (status == CLIPCLS_OK) {
		assert_memory_equal(rgb, way->rgb, BYTES);
		assert_true(thumbnail_is_possible(thumbnail, way->options.thumbnail_size));
	}
	return status;
}

static const struct preprocess_config configs[] = {
	{ .order = PREPROCESS_HUGGINGFACE,
	  .do_resize = true,
	  .resize_mode = RESIZE_SHORTEST,
	  .resize_height = SIDE,
	  .resize_width = SIDE,
	  .interpolation = INTERPOLATION_BICUBIC,
	  .do_center_crop = true,
	  .crop_height = SIDE,
	  .crop_width = SIDE },
	{ .order = PREPROCESS_OPENCLIP,
	  .do_resize = true,
	  .resize_mode = RESIZE_LONGEST,
	  .resize_height = SIDE,
	  .resize_width = SIDE,
	  .interpolation = INTERPOLATION_BILINEAR,
	  .do_center_crop = true,
	  .crop_height = SIDE,
	  .crop_width = SIDE },
};
static const clipcls_image_options options[] = {
	{ .fast_decode = 1, .thumbnail_size = SIDE },
	{ .has_background = 1, .background = { 1, 128, 255 }, .thumbnail_size = SIDE },
};

/* Both orders of steps, without and with a background. */
static void expect_picture(const char *name, bool own_only)
{
	char path[1024], *bytes = NULL;
	size_t size = 0;
	clipcls_error error;
	snprintf(path, sizeof path, TEST_DATA "/images/%s", name);
	assert_ok(file_read(&bytes, &size, path, SIZE_MAX / 4, &error));
	for (size_t i = 0; i < 2; i++) {
		struct way way = { (const uint8_t *)bytes, size, configs[i], options[i], { 0 } };
		assert_ok(preprocess_rgb(way.rgb, way.bytes, way.size, &way.config, SIDE, &way.options,
		                         name, &error));
		if (own_only)
			expect_own_memory_errors_or_success(name, preprocess, &way);
		else
			expect_memory_errors_or_success(name, preprocess, &way); /* libjpeg takes less */
	}
	free(bytes);
}

static void every_format(void **state)
{
	static const char *const names[] = {
#ifdef CLIPCLS_HAVE_JPEG
		"grey.jpg",    "color.jpg",         "progressive.jpg",
		"cmyk.jpg",
#endif
#ifdef CLIPCLS_HAVE_WEBP
		"lossy.webp",
#endif
#ifdef CLIPCLS_HAVE_GIF
		"palette.gif", "interlaced.gif",
#endif
		"bilevel.png", "palette.png",       "palette_alpha.png",
		"grey16.png",  "grey_alpha.png",    "rgba_interlaced.png",
		"rgb16.png",   "orientation_6.png", "palette.bmp",
		"rgb.bmp",     "color.ppm",         "bilevel.pbm",
	};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		expect_picture(names[i], false);
#ifdef CLIPCLS_HAVE_WEBP
	expect_picture("alpha.webp", true); /* libwebp 1.2.4 crashes, for which there is the jail */
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_format) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
