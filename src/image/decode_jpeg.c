/* JPEG with libjpeg-turbo, set up as Pillow sets it up, so that the pixels are the same: accurate
 * integer DCT and smooth chroma upsampling (the library's defaults), every CMYK inverted.
 *
 * The file lies in memory as a whole. A source that has no more bytes therefore means a truncated
 * file; it "suspends", which makes the reading call return early instead of inventing an end. */
#include "image/decoders.h"

#include "base/buffer.h"
#include "base/checked.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* Legal pictures have a few dozen at most; each costs a pass over the whole picture. */
enum { MAX_SCANS = 1000 };

struct failure {
	struct jpeg_error_mgr manager; /* first: the library hands out its address */
	jmp_buf jump;
	char text[JMSG_LENGTH_MAX];
};

static void fail(j_common_ptr common)
{
	struct failure *failure = (struct failure *)common->err;
	failure->manager.format_message(common, failure->text);
	longjmp(failure->jump, 1);
}

/* Warnings are bearable damage, as in Pillow. */
static void ignore_message(j_common_ptr common)
{
	(void)common;
}

static void limit_scans(j_common_ptr common)
{
	if (((j_decompress_ptr)common)->input_scan_number > MAX_SCANS) {
		struct failure *failure = (struct failure *)common->err;
		snprintf(failure->text, sizeof failure->text, "more than %d scans", MAX_SCANS);
		longjmp(failure->jump, 1);
	}
}

static void source_nothing(j_decompress_ptr decoder)
{
	(void)decoder;
}

static boolean source_suspend(j_decompress_ptr decoder)
{
	(void)decoder;
	return FALSE;
}

static void source_skip(j_decompress_ptr decoder, long n)
{
	struct jpeg_source_mgr *source = decoder->src;
	size_t skip = n < 0 ? 0 : (size_t)n;
	if (skip > source->bytes_in_buffer)
		skip = source->bytes_in_buffer;
	source->next_input_byte += skip;
	source->bytes_in_buffer -= skip;
}

static struct jpeg_source_mgr memory_source(const struct image_source *source)
{
	return (struct jpeg_source_mgr){
		.next_input_byte = source->bytes,
		.bytes_in_buffer = source->size,
		.init_source = source_nothing,
		.fill_input_buffer = source_suspend,
		.skip_input_data = source_skip,
		.resync_to_restart = jpeg_resync_to_restart,
		.term_source = source_nothing,
	};
}

/* 8, 4, 2 or 1: the largest that leaves the wanted sides, as Pillow's draft mode chooses. Of the
 * library's other reductions (M/8) none has vector code; they take longer than no reduction. */
static unsigned reduction(size_t width, size_t height, const struct image_limits *limits)
{
	const size_t low = size_min(width, height), high = size_max(width, height);
	unsigned by = limits->wanted_short_side == 0 && limits->wanted_long_side == 0 ? 1 : 8;
	while (by > 1 && (low / by < limits->wanted_short_side || high / by < limits->wanted_long_side))
		by /= 2;
	return by;
}

/* Header read: chooses mode and reduction and makes the picture. */
static clipcls_status start(struct image **out, j_decompress_ptr decoder,
                            const struct image_source *source)
{
	enum image_mode mode = IMAGE_L;
	if (decoder->data_precision != 8)
		return error_set(source->error, CLIPCLS_ERR_UNSUPPORTED, "%s: JPEG with %d bits a channel",
		                 source->name, decoder->data_precision);
	switch (decoder->num_components) {
	case 1:
		decoder->out_color_space = JCS_GRAYSCALE;
		mode = IMAGE_L;
		break;
	case 3:
		decoder->out_color_space = JCS_RGB;
		mode = IMAGE_RGB;
		break;
	case 4:
		decoder->out_color_space = JCS_CMYK;
		mode = IMAGE_CMYK;
		break;
	default:
		return error_set(source->error, CLIPCLS_ERR_UNSUPPORTED, "%s: JPEG with %d channels",
		                 source->name, decoder->num_components);
	}
	const size_t width = decoder->image_width, height = decoder->image_height;
	clipcls_status status = image_check_size(width, height, source);
	if (status != CLIPCLS_OK)
		return status;
	decoder->scale_num = 1;
	decoder->scale_denom = reduction(width, height, source->limits);
	jpeg_calc_output_dimensions(decoder);
	status = image_new(out, mode, decoder->output_width, decoder->output_height, source);
	if (status == CLIPCLS_OK) {
		(*out)->full_width = width;
		(*out)->full_height = height;
		(*out)->box.right = (double)width / decoder->scale_denom;
		(*out)->box.bottom = (double)height / decoder->scale_denom;
	}
	return status;
}

/* False when the bytes ended early. Jumps out on the library's errors. */
static bool read_rows(struct image *image, j_decompress_ptr decoder)
{
	const size_t stride = image->width * image_mode_bytes(image->mode);
	if (!jpeg_start_decompress(decoder))
		return false;
	while (decoder->output_scanline < decoder->output_height) {
		JSAMPROW row = image->data + decoder->output_scanline * stride;
		if (jpeg_read_scanlines(decoder, &row, 1) != 1)
			return false;
	}
	return true;
}

/* Whoever wrote Adobe's marker stored ink as 255 - ink; Pillow takes every CMYK for such. */
static void invert(struct image *image)
{
	size_t n = image->width * image->height * image_mode_bytes(image->mode);
	for (size_t i = 0; i < n; i++)
		image->data[i] = (uint8_t)(255 - image->data[i]);
}

clipcls_status decode_jpeg(struct image **out, const struct image_source *source)
{
	struct jpeg_decompress_struct decoder = { 0 };
	struct failure failure = { .text = "" };
	struct jpeg_progress_mgr progress = { .progress_monitor = limit_scans };
	struct jpeg_source_mgr memory = memory_source(source);
	struct image *volatile image = NULL; /* changed between setjmp and longjmp */
	clipcls_status status;

	decoder.err = jpeg_std_error(&failure.manager);
	failure.manager.error_exit = fail;
	failure.manager.output_message = ignore_message;
	if (setjmp(failure.jump) != 0) {
		status = failure.manager.msg_code == JERR_OUT_OF_MEMORY
		             ? error_memory(source->error)
		             : image_damaged(source, "JPEG", failure.text);
		goto cleanup;
	}
	jpeg_create_decompress(&decoder);
	decoder.src = &memory;
	decoder.progress = &progress;
	if (jpeg_read_header(&decoder, TRUE) != JPEG_HEADER_OK) {
		status = image_damaged(source, "JPEG", "the file is truncated");
		goto cleanup;
	}
	struct image *made = NULL;
	status = start(&made, &decoder, source);
	image = made;
	if (status == CLIPCLS_OK && !read_rows(made, &decoder))
		status = image_damaged(source, "JPEG", "the file is truncated");

cleanup:
	jpeg_destroy_decompress(&decoder);
	if (status != CLIPCLS_OK) {
		image_free(image);
		return status;
	}
	if (image->mode == IMAGE_CMYK)
		invert(image);
	*out = image;
	return CLIPCLS_OK;
}

void decode_jpeg_describe(struct buffer *out)
{
#ifdef LIBJPEG_TURBO_VERSION
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
	buffer_text(out, "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION));
#else
	buffer_format(out, "libjpeg %d", JPEG_LIB_VERSION);
#endif
}
