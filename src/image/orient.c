/* Turning pictures upright. Photos of 12 megapixels come through here, so pixels are moved in
 * square blocks: both the rows read and the rows written then stay in the cache. */
#include "image/transform.h"

#include "base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 32 };

/* Where the new picture's pixel (x, y) stands in the old one: start + x * step_x + y * step_y. */
struct walk {
	const uint8_t *start;
	ptrdiff_t step_x, step_y;
};

/* `size` is a constant at every call, so that the copy is one move. */
static inline void move_block(uint8_t *out, const struct walk *walk, size_t width, size_t x0,
                              size_t x1, size_t y0, size_t y1, size_t size)
{
	for (size_t y = y0; y < y1; y++)
		for (size_t x = x0; x < x1; x++)
			memcpy(out + (y * width + x) * size,
			       walk->start + (ptrdiff_t)x * walk->step_x + (ptrdiff_t)y * walk->step_y, size);
}

static void move_pixels(uint8_t *out, const struct walk *walk, size_t width, size_t height,
                        size_t size)
{
	for (size_t y = 0; y < height; y += BLOCK)
		for (size_t x = 0; x < width; x += BLOCK) {
			size_t x1 = size_min(x + BLOCK, width), y1 = size_min(y + BLOCK, height);
			switch (size) {
			case 1: move_block(out, walk, width, x, x1, y, y1, 1); break;
			case 2: move_block(out, walk, width, x, x1, y, y1, 2); break;
			case 3: move_block(out, walk, width, x, x1, y, y1, 3); break;
			case 4: move_block(out, walk, width, x, x1, y, y1, 4); break;
			}
		}
}

/* The covered part and the full size, turned as the pixels are. `image` still has its old size. */
static void turn_extent(struct image *image)
{
	const int orientation = image->orientation;
	const struct image_box box = image->box;
	const double width = (double)image->width, height = (double)image->height;
	if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
		image->box.left = width - box.right;
		image->box.right = width - box.left;
	}
	if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
		image->box.top = height - box.bottom;
		image->box.bottom = height - box.top;
	}
	if (orientation >= 5) {
		const struct image_box turned = image->box;
		const size_t full_width = image->full_width;
		image->box = (struct image_box){ turned.top, turned.left, turned.bottom, turned.right };
		image->full_width = image->full_height;
		image->full_height = full_width;
	}
}

clipcls_status image_orient(struct image *image, clipcls_error *error)
{
	const size_t size = image_mode_bytes(image->mode);
	const ptrdiff_t right = (ptrdiff_t)size, down = (ptrdiff_t)(size * image->width);
	const uint8_t *left_top = image->data;
	const uint8_t *right_top = left_top + (ptrdiff_t)(image->width - 1) * right;
	const uint8_t *left_bottom = left_top + (ptrdiff_t)(image->height - 1) * down;
	const uint8_t *right_bottom = left_bottom + (ptrdiff_t)(image->width - 1) * right;
	struct walk walk;

	switch (image->orientation) {
	case 2: walk = (struct walk){ right_top, -right, down }; break;
	case 3: walk = (struct walk){ right_bottom, -right, -down }; break;
	case 4: walk = (struct walk){ left_bottom, right, -down }; break;
	case 5: walk = (struct walk){ left_top, down, right }; break;
	case 6: walk = (struct walk){ left_bottom, -down, right }; break;
	case 7: walk = (struct walk){ right_bottom, -down, -right }; break;
	case 8: walk = (struct walk){ right_top, down, -right }; break;
	default: return CLIPCLS_OK;
	}
	bool swap = image->orientation >= 5;
	struct image *turned = image_blank(image->mode, swap ? image->height : image->width,
	                                   swap ? image->width : image->height);
	if (turned == NULL)
		return error_memory(error);
	move_pixels(turned->data, &walk, turned->width, turned->height, size);

	turn_extent(image);
	free(image->data);
	image->data = turned->data;
	image->width = turned->width;
	image->height = turned->height;
	image->orientation = 1;
	free(turned);
	return CLIPCLS_OK;
}
