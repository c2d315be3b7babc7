/* Where the orientation stands in a file, and what is read of one that is damaged; the PNG and JPEG
 * decoders for builds without the libraries. */
#include "test_image.h"

#include "image/decoders.h"
#include "image/metadata.h"

static const struct image_limits limits = { .max_pixels = 1000000 };

/* ---- orientation ---------------------------------------------------------------------------- */

#define SPAN(text)                                \
	{                                             \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

#define LITTLE "II\x2a\0\x08\0\0\0" /* the first directory is at 8 */
#define BIG "MM\0\x2a\0\0\0\x08"
#define ONE_ENTRY "\x01\0"
#define ORIENTATION(type, count, value) "\x12\x01" type count value
#define SHORT "\x03\0"
#define ONE "\x01\0\0\0"

static void exif_gives_the_orientation_or_1(void **state)
{
	static const struct {
		const char *what;
		struct span exif;
		int orientation;
	} cases[] = {
		{ "short", SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, ONE, "\6\0\0\0")), 6 },
		{ "long", SPAN(LITTLE ONE_ENTRY ORIENTATION("\x04\0", ONE, "\6\0\0\0")), 6 },
		{ "signed byte", SPAN(LITTLE ONE_ENTRY ORIENTATION("\x06\0", ONE, "\5\0\0\0")), 5 },
		{ "signed short", SPAN(LITTLE ONE_ENTRY ORIENTATION("\x08\0", ONE, "\4\0\0\0")), 4 },
		{ "signed long", SPAN(LITTLE ONE_ENTRY ORIENTATION("\x09\0", ONE, "\3\0\0\0")), 3 },
		{ "ratio", SPAN(LITTLE ONE_ENTRY ORIENTATION("\x0b\0", ONE, "\6\0\0\0")), 1 },
		{ "no such type", SPAN(LITTLE ONE_ENTRY ORIENTATION("\xff\0", ONE, "\6\0\0\0")), 1 },
		{ "none of it", SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, "\0\0\0\0", "\6\0\0\0")), 1 },
		{ "0", SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, ONE, "\0\0\0\0")), 1 },
		{ "9", SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, ONE, "\x09\0\0\0")), 1 },
		{ "big endian", SPAN(BIG "\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"), 6 },
		{ "prefix", SPAN("Exif\0\0" LITTLE ONE_ENTRY ORIENTATION(SHORT, ONE, "\6\0\0\0")), 6 },
		{ "prefix twice",
		  SPAN("Exif\0\0Exif\0\0" LITTLE ONE_ENTRY ORIENTATION(SHORT, ONE, "\6\0\0\0")), 6 },
		{ "version in the other order",
		  SPAN("II\0\x2a\x08\0\0\0" ONE_ENTRY ORIENTATION(SHORT, ONE, "\6\0\0\0")), 6 },
		{ "version in the other order, big",
		  SPAN("MM\x2a\0\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0"), 6 },
		{ "elsewhere",
		  SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, "\3\0\0\0", "\x16\0\0\0") "\7\0\0\0\0\0"), 7 },
		{ "behind another",
		  SPAN(LITTLE "\2\0\1\1\3\0\1\0\0\0\2\0\0\0" ORIENTATION(SHORT, ONE, "\6\0\0\0")), 6 },
		{ "outside the file",
		  SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, "\3\0\0\0", "\xff\0\0\0") "\7\0\0\0\0\0"), 1 },
		{ "more bytes than the file",
		  SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, "\xff\0\0\0", "\x16\0\0\0") "\7\0\0\0\0\0"), 1 },
		{ "cut in the entry", SPAN(LITTLE ONE_ENTRY "\x12\x01" SHORT), 1 },
		{ "directory outside", SPAN("II\x2a\0\xff\0\0\0"), 1 },
		{ "too short", SPAN("II\x2a\0"), 1 },
		{ "other byte order", SPAN("IM\x2a\0\x08\0\0\0" ONE_ENTRY), 1 },
		{ "other byte order, big", SPAN("MI\0\x2a\0\0\0\x08"), 1 },
		{ "other version", SPAN("II\x2b\0\x08\0\0\0"), 1 },
		{ "other version behind", SPAN("II\x2a\1\x08\0\0\0"), 1 },
		{ "other version, big", SPAN("MM\0\x2b\0\0\0\x08"), 1 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct metadata metadata = { .exif = cases[i].exif };
		if (metadata_orientation(&metadata) != cases[i].orientation)
			fail_msg("%s: %d", cases[i].what, metadata_orientation(&metadata));
	}
}

static void xmp_gives_the_orientation_where_exif_has_none(void **state)
{
	static const struct {
		struct span xmp;
		int orientation;
	} cases[] = {
		{ SPAN("<x tiff:Orientation=\"6\"/>"), 6 },
		{ SPAN("<tiff:Orientation>8</tiff:Orientation>"), 8 },
		{ SPAN("tiff:Orientation tiff:Orientation=\"3\""), 3 },
		{ SPAN("tiff:Orientation=\"x\" tiff:Orientation=\"4\""), 4 },
		{ SPAN("tiff:Orientation=\"9\""), 1 },
		{ SPAN("tiff:Orientation=\"/\""), 1 },
		{ SPAN("tiff:Orientation='6'"), 1 },
		{ SPAN("tiff:Orientation=\""), 1 },
		{ SPAN("tiff:Orientation>"), 1 },
		{ SPAN("tiff:Orientation"), 1 },
		{ SPAN("Orientation"), 1 },
	};
	static const struct span exif = SPAN(LITTLE ONE_ENTRY ORIENTATION(SHORT, ONE, "\2\0\0\0"));
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct metadata metadata = { .xmp = cases[i].xmp };
		if (metadata_orientation(&metadata) != cases[i].orientation)
			fail_msg("%.*s", (int)cases[i].xmp.size, (const char *)cases[i].xmp.bytes);
		metadata.exif = exif;
		assert_int_equal(metadata_orientation(&metadata), 2);
	}
}

/* ---- where they stand ----------------------------------------------------------------------- */

#define SOI "\xff\xd8"
#define EXIF_SEGMENT \
	"\xff\xe1\0\x0a" \
	"Exif\0\0AB"
#define XMP_SEGMENT "\xff\xe1\0\x20http://ns.adobe.com/xap/1.0/\0X"

static void jpeg_segments_are_walked_up_to_the_scan(void **state)
{
	static const struct {
		struct span file;
		size_t exif, xmp; /* bytes found */
	} cases[] = {
		{ SPAN(SOI EXIF_SEGMENT XMP_SEGMENT "\xff\xda\0\0"), 8, 1 },
		{ SPAN(SOI "\xff\xda\0\0" EXIF_SEGMENT), 0, 0 },
		{ SPAN(SOI "\xff\x01\xff\xd0\xff\xd9" EXIF_SEGMENT), 8, 0 }, /* markers without a length */
		{ SPAN(SOI "\0\xff\xff\xff\0\0" EXIF_SEGMENT), 8, 0 },       /* filled up */
		{ SPAN(SOI "\xff\xfe\0\4xx" EXIF_SEGMENT), 8, 0 },           /* a comment */
		{ SPAN(SOI "\xff\xe1\0\4xx" EXIF_SEGMENT), 8, 0 },           /* another APP1 */
		{ SPAN(SOI EXIF_SEGMENT "\xff\xe1\0\x09"
		                        "Exif\0\0A"),
		  8, 0 },
		{ SPAN(SOI "\xff\xe1\0\1" EXIF_SEGMENT), 0, 0 },
		{ SPAN(SOI "\xff\xe1\xff\xff" EXIF_SEGMENT), 0, 0 },
		{ SPAN(SOI), 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct metadata metadata;
		metadata_of_jpeg(&metadata, cases[i].file.bytes, cases[i].file.size);
		if (metadata.exif.size != cases[i].exif || metadata.xmp.size != cases[i].xmp)
			fail_msg("case %zu: %zu, %zu", i, metadata.exif.size, metadata.xmp.size);
	}
}

#define PNG_HEAD "\x89PNG\r\n\x1a\n"
#define CRC "\0\0\0\0"
#define KEYWORD "XML:com.adobe.xmp\0"

static void png_chunks_are_walked_up_to_the_end(void **state)
{
	static const struct {
		struct span file;
		size_t exif, xmp;
	} cases[] = {
		{ SPAN(PNG_HEAD "\0\0\0\3eXIfabc" CRC "\0\0\0\x17iTXt" KEYWORD "\0\0\0\0X" CRC), 3, 1 },
		{ SPAN(PNG_HEAD "\0\0\0\0IEND" CRC "\0\0\0\3eXIfabc" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x17iTXt" KEYWORD "\1\0\0\0X" CRC), 0, 0 }, /* compressed */
		{ SPAN(PNG_HEAD "\0\0\0\x13iTXt" KEYWORD "\0" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x14iTXt" KEYWORD "\0\0" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x15iTXt" KEYWORD "\0\0x" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x16iTXt" KEYWORD "\0\0\0x" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x04iTXtabc\0" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x14iTXtXML:com.adobe.xmq\0\0\0" CRC), 0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\x40"
		                "eXIfabc" CRC),
		  0, 0 },
		{ SPAN(PNG_HEAD "\0\0\0\3eXI"), 0, 0 },
		{ SPAN("\x89PNG"), 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct metadata metadata;
		metadata_of_png(&metadata, cases[i].file.bytes, cases[i].file.size);
		if (metadata.exif.size != cases[i].exif || metadata.xmp.size != cases[i].xmp)
			fail_msg("case %zu: %zu, %zu", i, metadata.exif.size, metadata.xmp.size);
	}
}

#define RIFF "RIFF\0\0\0\0WEBP"

static void webp_chunks_are_walked_and_the_first_counts(void **state)
{
	static const struct {
		struct span file;
		size_t exif, xmp;
	} cases[] = {
		{ SPAN(RIFF "VP8X\1\0\0\0x\0EXIF\2\0\0\0abXMP \3\0\0\0abc\0"), 2, 3 },
		{ SPAN(RIFF "EXIF\2\0\0\0abEXIF\4\0\0\0abcdXMP \1\0\0\0a\0XMP \2\0\0\0ab"), 2, 1 },
		{ SPAN(RIFF "XMP \3\0\0\0abc"), 0, 3 }, /* without its padding */
		{ SPAN(RIFF "EXIF\x09\0\0\0ab"), 0, 0 },
		{ SPAN(RIFF "EXI"), 0, 0 },
		{ SPAN("RIFF"), 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct metadata metadata;
		metadata_of_webp(&metadata, cases[i].file.bytes, cases[i].file.size);
		if (metadata.exif.size != cases[i].exif || metadata.xmp.size != cases[i].xmp)
			fail_msg("case %zu: %zu, %zu", i, metadata.exif.size, metadata.xmp.size);
	}
}

/* ---- stb_image ------------------------------------------------------------------------------ */

static clipcls_status decode_with(image_decoder decode, struct image **out, const uint8_t *bytes,
                                  size_t size)
{
	const struct image_source source = { bytes, size, &limits, "x", &error };
	*out = NULL;
	clipcls_status status = decode(out, &source);
	assert_true((status == CLIPCLS_OK) == (*out != NULL));
	return status;
}

/* What the library's decoder gives, of whatever mode that is one of stb_image's; a JPEG may be a
 * few levels off. */
static void expect_same(image_decoder decode, const char *name, enum image_mode mode, int levels)
{
	struct image *image = NULL, *other = NULL;
	size_t size;
	uint8_t *bytes = image_bytes(name, &size);
	assert_ok(decode_with(decode, &image, bytes, size));
	assert_ok(image_decode(&other, bytes, size, &limits, name, &error));
	assert_int_equal(image->mode, mode);
	assert_int_equal(image->width, other->width);
	assert_int_equal(image->height, other->height);
	size_t n = image->width * image->height * image_mode_bytes(mode);
	for (size_t i = 0; i < n && other->mode == mode; i++)
		if (abs(image->data[i] - other->data[i]) > levels)
			fail_msg("%s at %zu: %d, %d", name, i, image->data[i], other->data[i]);
	image_free(image);
	image_free(other);
	free(bytes);
}

static void stb_image_gives_what_the_libraries_give(void **state)
{
	(void)state;
	expect_same(decode_stb_png, "grey_alpha.png", IMAGE_LA, 0);
	expect_same(decode_stb_png, "rgba_interlaced.png", IMAGE_RGBA, 0);
	expect_same(decode_stb_png, "bilevel.png", IMAGE_1, 0);
	expect_same(decode_stb_png, "grey16.png", IMAGE_I16, 0);
	expect_same(decode_stb_png, "rgb16.png", IMAGE_RGB, 0);
	expect_same(decode_stb_png, "palette.png", IMAGE_RGB, 0);
	expect_same(decode_stb_png, "palette_alpha.png", IMAGE_RGBA, 0);
	expect_same(decode_stb_png, "kinds/palette2.png", IMAGE_RGB, 0);
	expect_same(decode_stb_jpeg, "grey.jpg", IMAGE_L, 4);
	expect_same(decode_stb_jpeg, "color.jpg", IMAGE_RGB, 8);
}

static void stb_image_sees_no_file_that_it_cannot_bear(void **state)
{
	size_t size;
	struct image *image = NULL;
	uint8_t *bytes = image_bytes("color.jpg", &size);
	(void)state;
	assert_error(decode_with(decode_stb_jpeg, &image, bytes, size - 2), CLIPCLS_ERR_DECODE,
	             "the file is truncated");
	assert_error(decode_with(decode_stb_jpeg, &image, bytes, 3), CLIPCLS_ERR_DECODE,
	             "the file is truncated");
	uint8_t *table = memmem(bytes, size, "\xff\xc4", 2);
	assert_non_null(table);
	uint8_t codes = table[5];
	table[5] = table[6] = 200; /* of the first lengths */
	assert_error(decode_with(decode_stb_jpeg, &image, bytes, size), CLIPCLS_ERR_DECODE,
	             "a Huffman table is too long");
	table[5] = codes;
	free(bytes);
	bytes = image_bytes("color.jpg", &size);
	uint8_t *scan = memmem(bytes, size, "\xff\xda", 2);
	assert_non_null(scan);
	memset(scan + 2, 0, 8); /* a scan of no components */
	assert_error(decode_with(decode_stb_jpeg, &image, bytes, size), CLIPCLS_ERR_DECODE,
	             "its data cannot be decoded");
	memcpy(bytes + 2, "\xff\xd9", 2); /* the end comes first */
	assert_error(decode_with(decode_stb_jpeg, &image, bytes, size), CLIPCLS_ERR_DECODE,
	             "its data cannot be decoded");
	free(bytes);
	bytes = image_bytes("rgb16.png", &size);
	assert_error(decode_with(decode_stb_png, &image, bytes, 200), CLIPCLS_ERR_DECODE,
	             "its data cannot be decoded");
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exif_gives_the_orientation_or_1),
		cmocka_unit_test(xmp_gives_the_orientation_where_exif_has_none),
		cmocka_unit_test(jpeg_segments_are_walked_up_to_the_scan),
		cmocka_unit_test(png_chunks_are_walked_up_to_the_end),
		cmocka_unit_test(webp_chunks_are_walked_and_the_first_counts),
		cmocka_unit_test(stb_image_gives_what_the_libraries_give),
		cmocka_unit_test(stb_image_sees_no_file_that_it_cannot_bear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
