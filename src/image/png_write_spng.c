/* PNG files with libspng. */
#include "image/png_write.h"

#include "base/memory.h"

#include <spng.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The library copies what it is given; its pointers are not const. */
static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int put_texts(spng_ctx *encoder, struct spng_text *notes, const struct png_text *texts,
                     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		strncpy(notes[i].keyword, texts[i].keyword, sizeof notes[i].keyword - 1);
		notes[i].type = png_text_is_ascii(&texts[i]) ? SPNG_TEXT : SPNG_ITXT;
		notes[i].text = text_of(texts[i].text);
		notes[i].length = strlen(texts[i].text);
		notes[i].language_tag = text_of("");
		notes[i].translated_keyword = text_of("");
	}
	return spng_set_text(encoder, notes, (uint32_t)n);
}

static int put_picture(spng_ctx *encoder, const uint8_t *rgb, size_t width, size_t height)
{
	struct spng_ihdr header = { .width = (uint32_t)width,
		                        .height = (uint32_t)height,
		                        .bit_depth = 8,
		                        .color_type = SPNG_COLOR_TYPE_TRUECOLOR };
	int result = spng_set_ihdr(encoder, &header);
	if (result == 0)
		result =
		    spng_encode_image(encoder, rgb, width * height * 3, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
	return result;
}

clipcls_status png_write(struct buffer *out, const uint8_t *rgb, size_t width, size_t height,
                         const struct png_text *texts, size_t n, clipcls_error *error)
{
	spng_ctx *encoder = spng_ctx_new(SPNG_CTX_ENCODER);
	struct spng_text *notes = memory_new(n, sizeof *notes);
	int result = encoder == NULL || notes == NULL ? SPNG_EMEM : 0;
	size_t size = 0;
	void *file = NULL;
	if (result == 0)
		result = spng_set_option(encoder, SPNG_ENCODE_TO_BUFFER, 1);
	if (result == 0)
		result = put_texts(encoder, notes, texts, n);
	if (result == 0)
		result = put_picture(encoder, rgb, width, height);
	if (result == 0)
		file = spng_get_png_buffer(encoder, &size, &result);
	if (result == 0)
		buffer_append(out, file, size);
	free(file);
	free(notes);
	spng_ctx_free(encoder);
	/* zlib, too, refuses to start only where memory is out. */
	if (result == SPNG_EMEM || result == SPNG_EZLIB_INIT || out->failed)
		return error_memory(error);
	if (result != 0)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "no PNG file: %s", spng_strerror(result));
	return CLIPCLS_OK;
}
