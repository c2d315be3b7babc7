/* Heat of a picture's parts, drawn over it. */
#ifndef CLIPCLS_IMAGE_HEAT_MAP_H
#define CLIPCLS_IMAGE_HEAT_MAP_H

#include "image/image.h"

struct heat_map {
	const float *heat; /* (rows, columns) */
	size_t rows, columns;
	double cell;          /* a cell's side, in sides of the square that has heat */
	struct image_box box; /* where the square lies, in widths and heights of the picture */
};

/* The least heat that gets full colour: what hardly changes a score is not to shine. In log-odds;
 * 0.5 takes a score of 50 % to 38 %. */
#define HEAT_MAP_LEAST 0.5

/* rgb: (height, width, 3), in place: the picture in grey, coloured where there is heat, faded where
 * none was measured. */
void heat_map_draw(uint8_t *rgb, size_t width, size_t height, const struct heat_map *map);

#endif
