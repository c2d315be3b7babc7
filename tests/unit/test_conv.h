/* Convolutions of many shapes, with inputs, for the tests of what applies them. */
#ifndef CLIPCLS_TESTS_TEST_CONV_H
#define CLIPCLS_TESTS_TEST_CONV_H

#include "random_maps.h"

#include "nn/conv.h"

#include <math.h>
#include <stdlib.h>

/* Letters as in conv.h: O outputs, I inputs, K kernel. */
struct shape {
	size_t height, width, in, out, kernel, stride;
	struct frame padding;
};

static const struct shape shapes[] = {
	{ 8, 8, 64, 64, 1, 1, { 0 } },
	{ 13, 11, 40, 72, 1, 1, { 0 } },          /* tiles end within rows */
	{ 5, 7, 1030, 20, 1, 1, { 0 } },          /* deeper than a kernel goes */
	{ 1, 1, 300, 17, 1, 1, { 0 } },           /* one pixel */
	{ 7, 7, 96, 80, 3, 1, { 1, 1, 1, 1 } },   /* panels of 48 and 32 */
	{ 9, 70, 5, 33, 3, 1, { 1, 1, 1, 1 } },   /* rows longer than a tile */
	{ 3, 145, 8, 7, 3, 1, { 1, 1, 1, 1 } },   /* in three pieces */
	{ 15, 17, 3, 32, 3, 2, { 1, 1, 1, 1 } },  /* a stem, odd sizes */
	{ 15, 17, 3, 64, 3, 2, { 0, 1, 0, 1 } },  /* a stem of ALIGN */
	{ 6, 9, 150, 130, 3, 1, { 1, 1, 1, 1 } }, /* taps in groups */
	{ 4, 5, 1100, 18, 3, 1, { 1, 1, 1, 1 } }, /* taps in pieces */
	{ 11, 10, 12, 16, 5, 2, { 1, 2, 1, 2 } }, /* odd paddings */
	{ 9, 9, 6, 10, 7, 3, { 3, 3, 2, 0 } },    /* more taps than one list */
	{ 6, 6, 16, 48, 1, 2, { 0 } },
	{ 5, 1, 4, 8, 1, 2, { 0 } },            /* rows without gaps, but not all of them */
	{ 5, 140, 3, 8, 3, 2, { 1, 1, 1, 1 } }, /* long rows, every other pixel */
};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* A convolution with everything that it needs. */
struct fixture {
	struct conv conv;
	float *weight, *bias, *memory, *norm[4];
	struct batch_norm batch_norm;
};

static inline void set_up(struct fixture *f, const struct shape *shape)
{
	size_t floats, O = shape->out, K = shape->kernel;
	*f = (struct fixture){
		.conv = { .out = O, .in = shape->in, .window = { K, shape->stride, shape->padding } }
	};
	assert_true(conv_floats(&floats, &f->conv));
	f->memory = memory_floats(floats);
	f->weight = random_floats(O * shape->in * K * K, 1);
	f->bias = random_floats(O, 2);
	for (uint32_t i = 0; i < 4; i++)
		f->norm[i] = random_floats(O, 3 + i);
	for (size_t i = 0; i < O; i++)
		f->norm[3][i] = 0.5f + fabsf(f->norm[3][i]);
	f->batch_norm = (struct batch_norm){ f->norm[0], f->norm[1], f->norm[2], f->norm[3], 1e-3 };
}

static inline void tear_down(struct fixture *f)
{
	free(f->memory);
	free(f->weight);
	free(f->bias);
	for (size_t i = 0; i < 4; i++)
		free(f->norm[i]);
}

static inline struct maps input_of(const struct shape *shape, size_t n, size_t margin)
{
	struct frame frame = shape->padding;
	frame.top += margin;
	frame.bottom += margin;
	frame.left += margin;
	frame.right += margin;
	return (struct maps){ .n = n,
		                  .height = shape->height,
		                  .width = shape->width,
		                  .channels = shape->in,
		                  .frame = frame };
}

#endif
