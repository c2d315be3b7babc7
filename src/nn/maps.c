#include "nn/maps.h"

#include "nn/transpose.h"

#include <string.h>

struct maps maps_windowed(const struct maps *x, const struct window *window, size_t channels,
                          struct frame frame)
{
	const struct frame *padding = &window->padding;
	size_t height = padding->top + x->height + padding->bottom;
	size_t width = padding->left + x->width + padding->right;
	return (struct maps){ .n = x->n,
		                  .height = (height - window->kernel) / window->stride + 1,
		                  .width = (width - window->kernel) / window->stride + 1,
		                  .channels = channels,
		                  .frame = frame };
}

bool maps_framed(const struct maps *x, const struct window *window)
{
	const struct frame *padding = &window->padding;
	return x->frame.top >= padding->top && x->frame.bottom >= padding->bottom &&
	       x->frame.left >= padding->left && x->frame.right >= padding->right;
}

size_t maps_scratch(const struct maps *maps)
{
	return arena_size_of(maps->n * maps_picture_floats(maps));
}

/* Zeroes `pixels` pixels from `first`, counted over the frame and all, of one picture. */
static void clear(float *picture, const struct maps *maps, size_t first, size_t pixels)
{
	memset(picture + first * maps->channels, 0, pixels * maps->channels * sizeof *picture);
}

void maps_place(struct maps *maps, struct arena *arena)
{
	const struct frame *frame = &maps->frame;
	size_t pitch = maps_pitch(maps), size = maps_picture_floats(maps);
	maps->data = arena_floats(arena, maps->n * size);
	for (size_t i = 0; i < maps->n; i++) {
		float *picture = maps->data + i * size;
		clear(picture, maps, 0, frame->top * pitch);
		for (size_t y = frame->top; y < frame->top + maps->height; y++) {
			clear(picture, maps, y * pitch, frame->left);
			clear(picture, maps, y * pitch + frame->left + maps->width, frame->right);
		}
		clear(picture, maps, (frame->top + maps->height) * pitch, frame->bottom * pitch);
	}
}

struct interleave {
	const struct maps *maps;
	const float *planes;
};

static void interleave_row(void *context, size_t task, size_t worker)
{
	const struct interleave *job = context;
	const struct maps *maps = job->maps;
	size_t picture = task / maps->height, y = task % maps->height;
	size_t plane = maps->height * maps->width;
	(void)worker;
	transpose(maps_pixel(maps, picture, y, 0), maps->channels,
	          job->planes + picture * maps->channels * plane + y * maps->width, plane,
	          maps->channels, maps->width);
}

void maps_from_planes(struct maps *maps, const float *planes, struct pool *pool)
{
	struct interleave job = { maps, planes };
	pool_run(pool, maps->n * maps->height, interleave_row, &job);
}
