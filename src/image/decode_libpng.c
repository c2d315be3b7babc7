/* PNG rows with libpng, where libspng is absent. */
#include "image/png.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/memory.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* What the callbacks see. */
struct reading {
	const struct image_source *source;
	size_t at;
	char text[128];
	jmp_buf jump;
};

static void fail(png_structp decoder, png_const_charp text)
{
	struct reading *reading = png_get_error_ptr(decoder);
	strncpy(reading->text, text, sizeof reading->text - 1);
	longjmp(reading->jump, 1);
}

static void ignore_warning(png_structp decoder, png_const_charp text)
{
	(void)decoder;
	(void)text;
}

static void read_bytes(png_structp decoder, png_bytep out, size_t n)
{
	struct reading *reading = png_get_io_ptr(decoder);
	if (n > reading->source->size - reading->at)
		png_error(decoder, "the file is truncated");
	memcpy(out, reading->source->bytes + reading->at, n);
	reading->at += n;
}

static void read_rows(struct png *png, png_structp decoder, png_infop info, png_bytep *pointers)
{
	png_set_read_fn(decoder, png_get_error_ptr(decoder), read_bytes);
	/* Only the pixels are wanted from it; png.c has read the rest. */
	png_set_keep_unknown_chunks(decoder, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_set_check_for_invalid_index(decoder, 0);
	png_set_user_limits(decoder, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_read_info(decoder, info);
	png_set_interlace_handling(decoder);
	png_read_update_info(decoder, info);
	if (png_get_rowbytes(decoder, info) != png->row_bytes)
		png_error(decoder, "its header changed");
	for (size_t y = 0; y < png->height; y++)
		pointers[y] = png->rows + y * png->row_bytes;
	png_read_image(decoder, pointers);
}

clipcls_status decode_libpng(struct image **out, const struct image_source *source)
{
	struct png png;
	struct reading reading = { .source = source };
	png_structp volatile decoder = NULL;
	png_infop volatile info = NULL;
	png_bytep *volatile pointers = NULL;
	volatile clipcls_status status = png_open(&png, source);

	if (status != CLIPCLS_OK)
		goto cleanup;
	decoder = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, fail, ignore_warning);
	info = decoder == NULL ? NULL : png_create_info_struct(decoder);
	pointers = memory_new(png.height, sizeof *pointers);
	if (info == NULL || pointers == NULL) {
		status = error_memory(source->error);
		goto cleanup;
	}
	if (setjmp(reading.jump) != 0) {
		status = image_damaged(source, "PNG", reading.text);
		goto cleanup;
	}
	read_rows(&png, decoder, info, pointers);
	png_finish(out, &png);

cleanup:
	if (decoder != NULL) {
		png_structp d = decoder;
		png_infop i = info;
		png_destroy_read_struct(&d, &i, NULL);
	}
	free(pointers);
	png_close(&png);
	return status;
}

void decode_libpng_describe(struct buffer *out)
{
	buffer_format(out, "libpng %s", png_get_libpng_ver(NULL));
}
