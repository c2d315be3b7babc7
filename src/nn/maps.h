/* Feature maps of a convolutional tower: pixels x channels, in a frame of zeros, so that a
 * convolution reads beyond the edges without asking. */
#ifndef CLIPCLS_NN_MAPS_H
#define CLIPCLS_NN_MAPS_H

#include "base/arena.h"
#include "base/pool.h"

#include <stdbool.h>
#include <stddef.h>

/* Pixels beyond each edge. */
struct frame {
	size_t top, bottom, left, right;
};

/* n pictures one behind the other, H height, W width, C channels.
 * data: (n, top + H + bottom, left + W + right, C), the frame's pixels zero. */
struct maps {
	float *data;
	size_t n, height, width, channels;
	struct frame frame;
};

/* What a convolution sees of its input: K x K pixels around every `stride`-th, with zeros beyond
 * the edges as `padding` says. */
struct window {
	size_t kernel, stride;
	struct frame padding;
};

/* The maps of one value per place of the window over x: sizes, `channels`, and the frame that is
 * asked for; data is NULL. */
struct maps maps_windowed(const struct maps *x, const struct window *window, size_t channels,
                          struct frame frame);

/* Takes room for `maps`, whose sizes are set, and zeroes its frame. */
void maps_place(struct maps *maps, struct arena *arena);
/* Floats of arena that maps_place takes. */
size_t maps_scratch(const struct maps *maps);

/* Pixels from row to row, frame included. */
static inline size_t maps_pitch(const struct maps *maps)
{
	return maps->frame.left + maps->width + maps->frame.right;
}

/* Floats from picture to picture. */
static inline size_t maps_picture_floats(const struct maps *maps)
{
	return (maps->frame.top + maps->height + maps->frame.bottom) * maps_pitch(maps) *
	       maps->channels;
}

/* The first channel of a pixel; x and y count from the picture's corner within the frame. */
static inline float *maps_pixel(const struct maps *maps, size_t picture, size_t y, size_t x)
{
	size_t pixel = (maps->frame.top + y) * maps_pitch(maps) + maps->frame.left + x;
	return maps->data + picture * maps_picture_floats(maps) + pixel * maps->channels;
}

/* The first value that the window sees for pixel (y, x) of its output. x's frame is at least its
 * padding. */
static inline const float *maps_seen(const struct maps *maps, const struct window *window,
                                     size_t picture, size_t y, size_t x)
{
	return maps_pixel(maps, picture, y * window->stride, x * window->stride) -
	       (window->padding.top * maps_pitch(maps) + window->padding.left) * maps->channels;
}
/* Whether x's frame is at least the window's padding. */
bool maps_framed(const struct maps *x, const struct window *window);

/* maps: n pictures of as many channels as planes.   planes: (n, C, H, W). */
void maps_from_planes(struct maps *maps, const float *planes, struct pool *pool);

#endif
