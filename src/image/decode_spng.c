/* PNG rows with libspng. */
#include "image/png.h"

#include "base/buffer.h"

#include <spng.h>

/* Colour profiles of a few megabytes exist; nothing else beside the pixels is large. */
enum { MAX_CHUNK = 64 << 20 };

static clipcls_status failed(int result, const struct image_source *source)
{
	if (result == SPNG_EMEM)
		return error_memory(source->error);
	return image_damaged(source, "PNG", spng_strerror(result));
}

clipcls_status decode_spng(struct image **out, const struct image_source *source)
{
	struct png png;
	size_t size;
	spng_ctx *decoder = NULL;
	clipcls_status status = png_open(&png, source);
	if (status != CLIPCLS_OK)
		goto cleanup;
	decoder = spng_ctx_new(0);
	if (decoder == NULL) {
		status = error_memory(source->error);
		goto cleanup;
	}
	int result = spng_set_chunk_limits(decoder, MAX_CHUNK, MAX_CHUNK);
	if (result == 0)
		result = spng_set_png_buffer(decoder, source->bytes, source->size);
	if (result == 0)
		result = spng_decoded_image_size(decoder, SPNG_FMT_RAW, &size);
	/* The same by construction; the library writes this much. */
	if (result == 0 && size != png.height * png.row_bytes)
		result = SPNG_EIHDR_SIZE;
	if (result == 0)
		result = spng_decode_image(decoder, png.rows, size, SPNG_FMT_RAW, 0);
	if (result != 0) {
		status = failed(result, source);
		goto cleanup;
	}
	png_finish(out, &png);

cleanup:
	spng_ctx_free(decoder);
	png_close(&png);
	return status;
}

void decode_spng_describe(struct buffer *out)
{
	buffer_format(out, "libspng %s", spng_version_string());
}
