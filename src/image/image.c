/* Making, measuring and freeing pictures. */
#include "image/decoders.h"
#include "image/transform.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

size_t image_mode_bytes(enum image_mode mode)
{
	switch (mode) {
	case IMAGE_1:
	case IMAGE_L:
	case IMAGE_P: return 1;
	case IMAGE_LA:
	case IMAGE_I16: return 2;
	case IMAGE_RGB: return 3;
	case IMAGE_RGBA:
	case IMAGE_CMYK: return 4;
	}
	return 0;
}

clipcls_status image_check_size(size_t width, size_t height, const struct image_source *source)
{
	size_t pixels;
	if (width == 0 || height == 0)
		return error_set(source->error, CLIPCLS_ERR_DECODE, "%s: the picture has no pixels",
		                 source->name);
	if (!size_mul(width, height, &pixels) || pixels > source->limits->max_pixels)
		return error_set(source->error, CLIPCLS_ERR_LIMIT,
		                 "%s: %zu x %zu pixels are more than the limit of %zu", source->name, width,
		                 height, source->limits->max_pixels);
	return CLIPCLS_OK;
}

clipcls_status image_new(struct image **out, enum image_mode mode, size_t width, size_t height,
                         const struct image_source *source)
{
	clipcls_status status = image_check_size(width, height, source);
	if (status != CLIPCLS_OK)
		return status;
	struct image *image = image_blank(mode, width, height);
	if (image == NULL)
		return error_memory(source->error);
	*out = image;
	return CLIPCLS_OK;
}

struct image *image_blank(enum image_mode mode, size_t width, size_t height)
{
	size_t pixels;
	struct image *image = memory_new(1, sizeof *image);
	if (image == NULL)
		return NULL;
	image->mode = mode;
	image->width = width;
	image->height = height;
	image->full_width = width;
	image->full_height = height;
	image->box = (struct image_box){ 0, 0, (double)width, (double)height };
	image->orientation = 1;
	memset(image->palette_alpha, 255, sizeof image->palette_alpha);
	if (size_mul(width, height, &pixels))
		image->data = memory_new(pixels, image_mode_bytes(mode));
	if (image->data == NULL) {
		free(image);
		return NULL;
	}
	return image;
}

void image_free(struct image *image)
{
	if (image == NULL)
		return;
	free(image->data);
	free(image);
}

clipcls_status image_damaged(const struct image_source *source, const char *format,
                             const char *reason)
{
	return error_set(source->error, CLIPCLS_ERR_DECODE, "%s: damaged %s: %s", source->name, format,
	                 reason);
}
