/* GIF with giflib: the first frame as Pillow holds it. The picture is in mode P, or L when the
 * palette is missing or the grey ramp; what the frame does not cover has its transparent index,
 * else index 0. */
#include "image/decoders.h"

#include "base/buffer.h"
#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

#include <gif_lib.h>

struct reading {
	const struct image_source *source;
	size_t at;
};

static int read_bytes(GifFileType *file, GifByteType *out, int n)
{
	struct reading *reading = file->UserData;
	size_t give = size_min((size_t)n, reading->source->size - reading->at);
	memcpy(out, reading->source->bytes + reading->at, give);
	reading->at += give;
	return (int)give;
}

static clipcls_status failed(const GifFileType *file, int code, const struct image_source *source)
{
	if (file != NULL)
		code = file->Error;
	if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
		return error_memory(source->error);
	const char *text = GifErrorString(code);
	return image_damaged(source, "GIF", text != NULL ? text : "its data cannot be decoded");
}

/* Reads up to the first frame's description. transparent: its index, or -1. */
static bool find_frame(GifFileType *file, int *transparent)
{
	enum { HAS_TRANSPARENT = 1 };
	GifRecordType record;
	*transparent = -1;
	for (;;) {
		GifByteType *block = NULL;
		int code = 0;
		if (DGifGetRecordType(file, &record) != GIF_OK)
			return false;
		if (record == IMAGE_DESC_RECORD_TYPE)
			return DGifGetImageDesc(file) == GIF_OK;
		if (record != EXTENSION_RECORD_TYPE)
			return false;
		if (DGifGetExtension(file, &code, &block) != GIF_OK)
			return false;
		/* block: its length, flags, delay (2), index */
		if (code == GRAPHICS_EXT_FUNC_CODE && block != NULL && block[0] >= 4 &&
		    (block[1] & HAS_TRANSPARENT) != 0)
			*transparent = block[4];
		while (block != NULL)
			if (DGifGetExtensionNext(file, &block) != GIF_OK)
				return false;
	}
}

static bool is_grey_ramp(const ColorMapObject *map)
{
	for (int i = 0; i < map->ColorCount; i++)
		if (map->Colors[i].Red != i || map->Colors[i].Green != i || map->Colors[i].Blue != i)
			return false;
	return true;
}

/* The canvas with mode, palette and transparency set. */
static clipcls_status make_canvas(struct image **out, const GifFileType *file, int transparent,
                                  const struct image_source *source)
{
	const GifImageDesc *frame = &file->Image;
	const ColorMapObject *map = frame->ColorMap != NULL ? frame->ColorMap : file->SColorMap;
	struct image *image = NULL;
	if (map != NULL && is_grey_ramp(map))
		map = NULL;
	if (frame->Left < 0 || frame->Top < 0 || frame->Width <= 0 || frame->Height <= 0)
		return image_damaged(source, "GIF", "the first frame has no pixels");
	size_t right = (size_t)frame->Left + (size_t)frame->Width;
	size_t bottom = (size_t)frame->Top + (size_t)frame->Height;
	clipcls_status status =
	    image_new(&image, map != NULL ? IMAGE_P : IMAGE_L, size_max((size_t)file->SWidth, right),
	              size_max((size_t)file->SHeight, bottom), source);
	if (status != CLIPCLS_OK)
		return status;
	for (int i = 0; map != NULL && i < map->ColorCount && i < 256; i++) {
		image->palette[i][0] = map->Colors[i].Red;
		image->palette[i][1] = map->Colors[i].Green;
		image->palette[i][2] = map->Colors[i].Blue;
	}
	if (transparent >= 0) {
		memset(image->data, transparent, image->width * image->height);
		image->has_transparency = image->has_transparent_color = true;
		for (int c = 0; c < 3; c++)
			image->transparent_color[c] =
			    map != NULL ? image->palette[transparent][c] : (uint16_t)transparent;
		image->palette_alpha[transparent] = 0;
	}
	*out = image;
	return CLIPCLS_OK;
}

/* Interlaced rows come every 8th from 0, every 8th from 4, every 4th from 2, every 2nd from 1. */
static bool read_rows(struct image *image, GifFileType *file)
{
	static const size_t first[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
	const GifImageDesc *frame = &file->Image;
	const size_t height = (size_t)frame->Height;
	uint8_t *start = image->data + (size_t)frame->Top * image->width + (size_t)frame->Left;
	const size_t passes = frame->Interlace ? 4 : 1;
	for (size_t pass = 0; pass < passes; pass++) {
		size_t y = frame->Interlace ? first[pass] : 0;
		for (; y < height; y += frame->Interlace ? step[pass] : 1)
			if (DGifGetLine(file, start + y * image->width, frame->Width) != GIF_OK)
				return false;
	}
	return true;
}

clipcls_status decode_gif(struct image **out, const struct image_source *source)
{
	struct reading reading = { source, 0 };
	struct image *image = NULL;
	int code = 0, transparent;
	clipcls_status status;
	GifFileType *file = DGifOpen(&reading, read_bytes, &code);
	if (file == NULL)
		return failed(NULL, code, source);
	if (!find_frame(file, &transparent)) {
		status = failed(file, 0, source);
		goto cleanup;
	}
	status = make_canvas(&image, file, transparent, source);
	if (status == CLIPCLS_OK && !read_rows(image, file))
		status = failed(file, 0, source);

cleanup:
	DGifCloseFile(file, NULL);
	if (status == CLIPCLS_OK)
		*out = image;
	else
		image_free(image);
	return status;
}

void decode_gif_describe(struct buffer *out)
{
	buffer_format(out, "giflib %d.%d.%d", GIFLIB_MAJOR, GIFLIB_MINOR, GIFLIB_RELEASE);
}
