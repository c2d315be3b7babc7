#include "image/png.h"
#include "image/metadata.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static unsigned samples_per_pixel(unsigned color_type)
{
	switch (color_type) {
	case PNG_RGB: return 3;
	case PNG_GREY_ALPHA: return 2;
	case PNG_RGBA: return 4;
	}
	return 1;
}

static bool legal_depth(unsigned color_type, unsigned depth)
{
	switch (color_type) {
	case PNG_GREY: return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
	case PNG_PALETTE: return depth == 1 || depth == 2 || depth == 4 || depth == 8;
	case PNG_RGB:
	case PNG_GREY_ALPHA:
	case PNG_RGBA: return depth == 8 || depth == 16;
	}
	return false;
}

static enum image_mode pillow_mode(unsigned color_type, unsigned depth)
{
	switch (color_type) {
	case PNG_GREY: return depth == 1 ? IMAGE_1 : depth == 16 ? IMAGE_I16 : IMAGE_L;
	case PNG_RGB: return IMAGE_RGB;
	case PNG_PALETTE: return IMAGE_P;
	case PNG_GREY_ALPHA: return depth == 16 ? IMAGE_RGBA : IMAGE_LA;
	}
	return IMAGE_RGBA;
}

/* Entries that PLTE leaves out stay black, as in Pillow. */
static void take_palette(struct image *image, struct span data)
{
	memcpy(image->palette, data.bytes, size_min(data.size / 3 * 3, sizeof image->palette));
}

/* Pillow compares the colour with 8-bit pixels by its low byte, whatever the depth; a bilevel
 * picture's with 0 and 255. */
static clipcls_status take_transparency(struct png *png, struct span data,
                                        const struct image_source *source)
{
	struct image *image = png->image;
	size_t channels = png->color_type == PNG_RGB ? 3 : 1;
	if (png->color_type == PNG_PALETTE) {
		memcpy(image->palette_alpha, data.bytes, size_min(data.size, sizeof image->palette_alpha));
		image->has_transparency = true;
		return CLIPCLS_OK;
	}
	if (png->color_type != PNG_GREY && png->color_type != PNG_RGB)
		return CLIPCLS_OK;
	if (data.size < 2 * channels)
		return image_damaged(source, "PNG", "its tRNS chunk is too short");
	for (size_t c = 0; c < 3; c++) {
		uint16_t value = read_u16_big(data.bytes + 2 * (channels == 3 ? c : 0));
		if (image->mode == IMAGE_1)
			value = value != 0 ? 255 : 0;
		image->transparent_color[c] = value;
	}
	image->has_transparency = image->has_transparent_color = true;
	return CLIPCLS_OK;
}

/* A palette of which one entry is wholly transparent and the others opaque. */
static void note_single_transparent(struct image *image)
{
	size_t clear = 0, opaque = 0, index = 0;
	if (image->mode != IMAGE_P || !image->has_transparency)
		return;
	for (size_t i = 0; i < 256; i++) {
		opaque += image->palette_alpha[i] == 255;
		clear += image->palette_alpha[i] == 0;
		index = image->palette_alpha[i] == 0 ? i : index;
	}
	if (clear != 1 || opaque != 255)
		return;
	image->has_transparent_color = true;
	for (size_t c = 0; c < 3; c++)
		image->transparent_color[c] = image->palette[index][c];
}

static clipcls_status take_header(struct png *png, struct span data,
                                  const struct image_source *source)
{
	enum { IHDR_SIZE = 13 };
	if (data.size < IHDR_SIZE)
		return image_damaged(source, "PNG", "its header is too short");
	png->width = read_u32_big(data.bytes);
	png->height = read_u32_big(data.bytes + 4);
	png->depth = data.bytes[8];
	png->color_type = data.bytes[9];
	if (!legal_depth(png->color_type, png->depth))
		return image_damaged(source, "PNG", "no such colour type and depth");
	clipcls_status status = image_new(&png->image, pillow_mode(png->color_type, png->depth),
	                                  png->width, png->height, source);
	if (status != CLIPCLS_OK)
		return status;
	size_t bits;
	if (!size_mul(png->width, samples_per_pixel(png->color_type) * png->depth, &bits))
		return error_memory(source->error);
	png->row_bytes = bits / 8 + (bits % 8 != 0);
	png->image->has_transparency = png->color_type == PNG_GREY_ALPHA || png->color_type == PNG_RGBA;
	return CLIPCLS_OK;
}

/* Rows that already look like the picture's are unpacked into it. */
static bool rows_are_pixels(const struct png *png)
{
	return png->row_bytes == png->width * image_mode_bytes(png->image->mode) &&
	       (png->depth == 8 || png->image->mode == IMAGE_I16);
}

clipcls_status png_open(struct png *png, const struct image_source *source)
{
	size_t at = 0;
	char type[5];
	struct span data;
	clipcls_status status = CLIPCLS_OK;

	*png = (struct png){ 0 };
	if (!png_next_chunk(&at, type, &data, source->bytes, source->size) || strcmp(type, "IHDR") != 0)
		return image_damaged(source, "PNG", "it has no header");
	status = take_header(png, data, source);
	while (status == CLIPCLS_OK && png_next_chunk(&at, type, &data, source->bytes, source->size)) {
		if (strcmp(type, "IDAT") == 0)
			break;
		if (strcmp(type, "PLTE") == 0 && png->color_type == PNG_PALETTE)
			take_palette(png->image, data);
		else if (strcmp(type, "tRNS") == 0)
			status = take_transparency(png, data, source);
	}
	if (status != CLIPCLS_OK)
		return status;
	note_single_transparent(png->image);
	png->rows = rows_are_pixels(png) ? png->image->data : memory_new(png->height, png->row_bytes);
	return png->rows != NULL ? CLIPCLS_OK : error_memory(source->error);
}

/* Samples of 1, 2 or 4 bits, the first in the highest bits; grey is stretched to 0..255. */
static void unpack_bits(uint8_t *out, const uint8_t *row, const struct png *png)
{
	const unsigned depth = png->depth, mask = (1u << depth) - 1;
	const unsigned scale = png->color_type == PNG_GREY ? 255 / mask : 1;
	for (size_t x = 0; x < png->width; x++) {
		size_t bit = x * depth;
		unsigned sample = (unsigned)row[bit / 8] >> (8 - depth - bit % 8) & mask;
		out[x] = (uint8_t)(sample * scale);
	}
}

/* The high byte of each 16-bit sample; grey with alpha becomes RGBA. */
static void unpack_high_bytes(uint8_t *out, const uint8_t *row, const struct png *png)
{
	if (png->color_type == PNG_GREY_ALPHA) {
		for (size_t x = 0; x < png->width; x++, out += 4, row += 4) {
			out[0] = out[1] = out[2] = row[0];
			out[3] = row[2];
		}
		return;
	}
	size_t n = png->width * samples_per_pixel(png->color_type);
	for (size_t i = 0; i < n; i++)
		out[i] = row[2 * i];
}

void png_finish(struct image **out, struct png *png)
{
	struct image *image = png->image;
	const size_t stride = png->width * image_mode_bytes(image->mode);
	if (image->mode == IMAGE_I16) {
		for (size_t i = 0; i < png->height * stride; i += 2) {
			uint8_t high = image->data[i];
			image->data[i] = image->data[i + 1];
			image->data[i + 1] = high;
		}
	} else if (png->depth != 8) {
		for (size_t y = 0; y < png->height; y++) {
			const uint8_t *row = png->rows + y * png->row_bytes;
			if (png->depth == 16)
				unpack_high_bytes(image->data + y * stride, row, png);
			else
				unpack_bits(image->data + y * stride, row, png);
		}
	}
	*out = image;
	if (png->rows == image->data)
		png->rows = NULL;
	png->image = NULL;
}

void png_close(struct png *png)
{
	if (png->image == NULL || png->rows != png->image->data)
		free(png->rows);
	image_free(png->image);
}
