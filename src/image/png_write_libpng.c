/* PNG files with libpng, where libspng is absent. */
#include "image/png_write.h"

#include "base/memory.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* What the callbacks see. */
struct writing {
	struct buffer *out;
	char text[128];
	jmp_buf jump;
};

static void fail(png_structp encoder, png_const_charp text)
{
	struct writing *writing = png_get_error_ptr(encoder);
	strncpy(writing->text, text, sizeof writing->text - 1);
	longjmp(writing->jump, 1);
}

static void ignore_warning(png_structp encoder, png_const_charp text)
{
	(void)encoder;
	(void)text;
}

static void append(png_structp encoder, png_bytep bytes, size_t n)
{
	struct writing *writing = png_get_io_ptr(encoder);
	buffer_append(writing->out, bytes, n);
}

static void flush(png_structp encoder)
{
	(void)encoder;
}

static void put_texts(png_structp encoder, png_infop info, png_text *notes,
                      const struct png_text *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		notes[i] = (png_text){
			.compression = png_text_is_ascii(&texts[i]) ? PNG_TEXT_COMPRESSION_NONE
			                                            : PNG_ITXT_COMPRESSION_NONE,
			.key = (char *)(uintptr_t)texts[i].keyword,
			.text = (char *)(uintptr_t)texts[i].text,
			.text_length = strlen(texts[i].text),
		};
	png_set_text(encoder, info, notes, (int)n);
}

static void put_picture(png_structp encoder, png_infop info, const uint8_t *rgb, size_t width,
                        size_t height)
{
	png_set_IHDR(encoder, info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB,
	             PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(encoder, info);
	for (size_t y = 0; y < height; y++)
		png_write_row(encoder, rgb + y * width * 3);
	png_write_end(encoder, info);
}

clipcls_status png_write(struct buffer *out, const uint8_t *rgb, size_t width, size_t height,
                         const struct png_text *texts, size_t n, clipcls_error *error)
{
	struct writing writing = { .out = out };
	png_structp volatile encoder =
	    png_create_write_struct(PNG_LIBPNG_VER_STRING, &writing, fail, ignore_warning);
	png_infop volatile info = encoder == NULL ? NULL : png_create_info_struct(encoder);
	png_text *volatile notes = memory_new(n, sizeof *notes);
	volatile clipcls_status status = CLIPCLS_OK;
	if (info == NULL || notes == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	/* With sides that it can write, memory is all that it may lack. */
	if (setjmp(writing.jump) != 0) {
		status = error_memory(error);
		goto cleanup;
	}
	png_set_write_fn(encoder, &writing, append, flush);
	put_texts(encoder, info, notes, texts, n);
	put_picture(encoder, info, rgb, width, height);
	if (out->failed)
		status = error_memory(error);
cleanup:
	if (encoder != NULL) {
		png_structp e = encoder;
		png_infop i = info;
		png_destroy_write_struct(&e, &i);
	}
	free(notes);
	return status;
}
