/* Every kind of picture file that a decoder tells apart, and what is refused. */
#include "test_image.h"

#include "image/decoders.h"
#include "image/preprocess.h"

static const struct image_limits limits = { .max_pixels = 1000000 };

/* kinds/golden.bin: for each of these what transformers and open_clip make of it, as in
 * test_image.c. Written by tests/data/images/make_images.py. */
static const struct picture {
	const char *name;
	enum image_mode mode;
	int orientation;
} KINDS[] = {
	{ "bilevel.bmp", IMAGE_1, 1 },      { "grey.bmp", IMAGE_L, 1 },
	{ "os2.bmp", IMAGE_P, 1 },          { "rle8.bmp", IMAGE_P, 1 },
	{ "rle4.bmp", IMAGE_P, 1 },         { "rgb555.bmp", IMAGE_RGB, 1 },
	{ "rgb565.bmp", IMAGE_RGB, 1 },     { "masks555.bmp", IMAGE_RGB, 1 },
	{ "masks24.bmp", IMAGE_RGB, 1 },    { "rgbx.bmp", IMAGE_RGB, 1 },
	{ "rgba.bmp", IMAGE_RGBA, 1 },      { "masks32.bmp", IMAGE_RGB, 1 },
	{ "rgb.dib", IMAGE_RGB, 1 },        { "grey_hole.png", IMAGE_L, 1 },
	{ "rgb_hole.png", IMAGE_RGB, 1 },   { "bilevel_hole.png", IMAGE_1, 1 },
	{ "grey2.png", IMAGE_L, 1 },        { "grey4.png", IMAGE_L, 1 },
	{ "palette1.png", IMAGE_P, 1 },     { "palette2.png", IMAGE_P, 1 },
	{ "palette_hole.png", IMAGE_P, 1 }, { "grey_alpha16.png", IMAGE_RGBA, 1 },
	{ "rgba16.png", IMAGE_RGBA, 1 },    { "xmp.png", IMAGE_RGB, 6 },
	{ "xmp_value.png", IMAGE_RGB, 8 },  { "animated.webp", IMAGE_RGB, 1 },
	{ "exif.webp", IMAGE_RGB, 6 },      { "xmp.webp", IMAGE_RGB, 3 },
	{ "xmp.jpg", IMAGE_RGB, 8 },        { "exif_big.jpg", IMAGE_RGB, 7 },
	{ "grey.gif", IMAGE_L, 1 },         { "smaller.gif", IMAGE_P, 1 },
	{ "plain.pbm", IMAGE_1, 1 },        { "plain.pgm", IMAGE_L, 1 },
	{ "plain.ppm", IMAGE_RGB, 1 },      { "small.pgm", IMAGE_L, 1 },
	{ "small.ppm", IMAGE_RGB, 1 },      { "deep.pgm", IMAGE_I16, 1 },
	{ "deep.ppm", IMAGE_RGB, 1 },
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS, SIDE = 8, BYTES = SIDE * SIDE * 3 };

static uint8_t *read_kind(const char *name, size_t *size)
{
	char path[256];
	snprintf(path, sizeof path, "kinds/%s", name);
	return image_bytes(path, size);
}

/* ---- what is read --------------------------------------------------------------------------- */

static void every_kind_gives_the_references_pixels(void **state)
{
	size_t golden_size, size;
	uint8_t *golden = read_kind("golden.bin", &golden_size), rgb[BYTES];
	struct preprocess_config config = { .do_resize = true,
		                                .resize_mode = RESIZE_SHORTEST,
		                                .resize_height = SIDE,
		                                .resize_width = SIDE,
		                                .interpolation = INTERPOLATION_BICUBIC,
		                                .do_center_crop = true,
		                                .crop_height = SIDE,
		                                .crop_width = SIDE };
	(void)state;
	assert_int_equal(golden_size, N_KINDS * 2 * BYTES);
	for (size_t i = 0; i < N_KINDS; i++) {
		if (!has_own_decoder(KINDS[i].name))
			continue;
		uint8_t *bytes = read_kind(KINDS[i].name, &size);
		for (size_t order = 0; order < 2; order++) {
			config.order = order == 0 ? PREPROCESS_HUGGINGFACE : PREPROCESS_OPENCLIP;
			assert_ok(preprocess_rgb(rgb, bytes, size, &config, SIDE, NULL, KINDS[i].name, &error));
			if (memcmp(rgb, golden + (2 * i + order) * BYTES, BYTES) != 0)
				fail_msg("%s, order %zu", KINDS[i].name, order);
		}
		free(bytes);
	}
	free(golden);
}

static void every_kind_keeps_its_mode_and_orientation(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		size_t size;
		struct image *image = NULL;
		if (!has_own_decoder(KINDS[i].name))
			continue;
		uint8_t *bytes = read_kind(KINDS[i].name, &size);
		assert_ok(image_decode(&image, bytes, size, &limits, KINDS[i].name, &error));
		if (image->mode != KINDS[i].mode || image->orientation != KINDS[i].orientation)
			fail_msg("%s: mode %d, orientation %d", KINDS[i].name, (int)image->mode,
			         image->orientation);
		image_free(image);
		free(bytes);
	}
}

static void a_bitmap_without_its_file_header_is_the_same(void **state)
{
	static const char *const names[] = { "os2.bmp", "rle8.bmp", "rgba.bmp" };
	enum { FILE_HEADER = 14 };
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct image *whole = NULL, *bare = NULL;
		size_t size;
		uint8_t *bytes = read_kind(names[i], &size);
		assert_ok(image_decode(&whole, bytes, size, &limits, names[i], &error));
		assert_ok(image_decode(&bare, bytes + FILE_HEADER, size - FILE_HEADER, &limits, names[i],
		                       &error));
		assert_int_equal(bare->mode, whole->mode);
		assert_memory_equal(bare->data, whole->data,
		                    whole->width * whole->height * image_mode_bytes(whole->mode));
		image_free(whole);
		image_free(bare);
		free(bytes);
	}
}

/* ---- what is not ---------------------------------------------------------------------------- */

/* A file with some of its bytes replaced, and cut to `size` where that is not 0. */
struct change {
	const char *name;
	size_t at, n;
	const char *bytes;
	size_t size;
	clipcls_status status;
	const char *text;
};

static void expect_refusal(const struct change *change)
{
	struct image *image = NULL;
	size_t size;
	if (!has_own_decoder(change->name))
		return;
	uint8_t *bytes = image_bytes(change->name, &size);
	if (change->at + change->n > size || change->size > size)
		fail_msg("%s has %zu bytes", change->name, size);
	memcpy(bytes + change->at, change->bytes, change->n);
	size = change->size > 0 ? change->size : size;
	/* Exactly as many bytes, so that a sanitizer sees a read beyond them. */
	uint8_t *copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	clipcls_status status = image_decode(&image, copy, size, &limits, change->name, &error);
	if (status != change->status || strstr(error.message, change->text) == NULL)
		fail_msg("%s at %zu: %s: %s, not \"%s\"", change->name, change->at,
		         clipcls_status_name(status), error.message, change->text);
	assert_null(image);
	free(copy);
	free(bytes);
}

static void damaged_files_are_refused_with_the_reason(void **state)
{
	static const struct change changes[] = {
		/* BMP: offset 10, header 14, its size 40 */
		{ "rgb.bmp", 14, 4, "\x29\0\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "an unknown header" },
		{ "rgb.bmp", 0, 0, "", 16, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "rgb.bmp", 0, 0, "", 40, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "rgb.bmp", 0, 0, "", 1000, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "rgb.bmp", 28, 2, "\x17\0", 0, CLIPCLS_ERR_UNSUPPORTED, "an unknown depth" },
		{ "rgb.bmp", 30, 4, "\x04\0\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "unknown compression" },
		{ "rgb.bmp", 30, 4, "\x01\0\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "run lengths of direct" },
		{ "rgb.bmp", 30, 4, "\x03\0\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "unknown pixel layout" },
		{ "rgb.bmp", 18, 4, "\0\0\0\0", 0, CLIPCLS_ERR_DECODE, "no pixels" },
		{ "palette.bmp", 30, 4, "\x03\0\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "palette.bmp", 46, 4, "\1\0\1\0", 0, CLIPCLS_ERR_UNSUPPORTED, "impossible palette" },
		{ "palette.bmp", 46, 4, "\0\1\0\0", 0, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "kinds/rgb565.bmp", 54, 4, "\0\xff\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "kinds/rgb565.bmp", 58, 4, "\0\xff\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "kinds/rgb565.bmp", 62, 4, "\0\xff\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "kinds/masks555.bmp", 58, 4, "\0\xff\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "kinds/masks555.bmp", 62, 4, "\0\xff\0\0", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "kinds/rgb565.bmp", 0, 0, "", 60, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "kinds/masks32.bmp", 54, 4, "\1\2\3\4", 0, CLIPCLS_ERR_UNSUPPORTED, "pixel layout" },
		{ "kinds/rle8.bmp", 1078, 2, "\0\1", 0, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "kinds/rle8.bmp", 1078, 2, "\0\2", 1080, CLIPCLS_ERR_DECODE, "truncated" },
		{ "kinds/rle8.bmp", 1078, 2, "\0\x09", 1084, CLIPCLS_ERR_DECODE, "truncated" },
		{ "kinds/rle4.bmp", 118, 2, "\0\x09", 121, CLIPCLS_ERR_DECODE, "truncated" },
		/* PNG: IHDR 8, width 16, height 20, depth 24, colour type 25 */
		{ "rgb16.png", 24, 1, "\4", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "palette.png", 24, 1, "\x10", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "palette.png", 24, 1, "\3", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "grey_alpha.png", 24, 1, "\1", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "grey16.png", 24, 1, "\5", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "rgb16.png", 25, 1, "\5", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "rgb16.png", 12, 1, "X", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "palette.png", 37, 1, "X", 0, CLIPCLS_ERR_DECODE, "damaged PNG" },
		{ "rgb16.png", 0, 0, "", 60, CLIPCLS_ERR_DECODE, "damaged PNG" },
		/* WebP: RIFF 0, size 4, WEBP 8, chunk 12 */
		{ "lossy.webp", 0, 0, "", 20, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "lossy.webp", 0, 0, "", 150, CLIPCLS_ERR_DECODE, "the file is truncated" },
		{ "lossy.webp", 23, 3, "\1\2\3", 0, CLIPCLS_ERR_DECODE, "cannot be decoded" },
		/* VP8X 12, canvas 24, ANIM 30, ANMF 44, its place 52, its chunk 68 */
		{ "kinds/animated.webp", 0, 0, "", 100, CLIPCLS_ERR_DECODE, "the animation has no frame" },
		{ "kinds/animated.webp", 52, 3, "\x77\0\0", 0, CLIPCLS_ERR_DECODE, "outside its canvas" },
		{ "kinds/animated.webp", 55, 3, "\x77\0\0", 0, CLIPCLS_ERR_DECODE, "outside its canvas" },
		{ "kinds/animated.webp", 24, 3, "\3\0\0", 0, CLIPCLS_ERR_DECODE, "outside its canvas" },
		{ "kinds/animated.webp", 27, 3, "\3\0\0", 0, CLIPCLS_ERR_DECODE, "outside its canvas" },
		{ "kinds/animated.webp", 68, 4, "VP8?", 0, CLIPCLS_ERR_DECODE, "damaged WebP" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		expect_refusal(&changes[i]);
}

static void broken_pnm_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		clipcls_status status;
		const char *text;
	} files[] = {
		{ "P5 2 1 255", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P5 2", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P5 2 1 0\nab", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P5 2 1 70000\nab", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P5 2 x 255\nab", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P2 2 1 7\n1 8\n", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P2 2 1 7\n1", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P1 2 1\n1 2", CLIPCLS_ERR_DECODE, "damaged PNM" },
		{ "P5 # never ends", CLIPCLS_ERR_DECODE, "damaged PNM" },
	};
	struct image *image = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		clipcls_status status = image_decode(&image, (const uint8_t *)files[i].bytes,
		                                     strlen(files[i].bytes), &limits, "x", &error);
		if (status != files[i].status || strstr(error.message, files[i].text) == NULL)
			fail_msg("\"%s\": %s: %s", files[i].bytes, clipcls_status_name(status), error.message);
		assert_null(image);
	}
}

static void every_brand_of_an_unread_format_is_named(void **state)
{
	static const struct {
		const char *bytes, *text;
	} files[] = {
		{ "\1\1\1\x18"
		  "ftypavis",
		  "AVIF" },
		{ "\1\1\1\x18"
		  "ftypmif1",
		  "HEIC" },
		{ "\1\1\1\x18"
		  "ftypmsf1",
		  "HEIC" },
		{ "II\x2b\1", "TIFF" },
		{ "MM\1\x2b", "TIFF" },
		{ "MM\1\x2c", "not a picture" },
		{ "II\x2c\1", "not a picture" },
		{ "P7 1 1", "not a picture" },
		{ "P5x", "not a picture" },
		{ "P6\1", "not a picture" },
	};
	struct image *image = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		assert_error(image_decode(&image, (const uint8_t *)files[i].bytes, strlen(files[i].bytes),
		                          &limits, "x", &error),
		             CLIPCLS_ERR_UNSUPPORTED, files[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_gives_the_references_pixels),
		cmocka_unit_test(every_kind_keeps_its_mode_and_orientation),
		cmocka_unit_test(a_bitmap_without_its_file_header_is_the_same),
		cmocka_unit_test(damaged_files_are_refused_with_the_reason),
		cmocka_unit_test(broken_pnm_is_refused),
		cmocka_unit_test(every_brand_of_an_unread_format_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
