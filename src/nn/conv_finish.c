#include "nn/conv_finish.h"

#include "base/vector.h"
#include "nn/math_inline.h"
#include "nn/ops.h"

/* What follows a product, over `pixels` next to each other. */
struct finish {
	float *out;
	const float *sums, *bias, *residual; /* residual: NULL = none */
	size_t pixels, columns, out_stride, residual_stride;
};

/* One function per activation: a switch inside would keep the loop from being vectorised. */
static inline __attribute__((always_inline)) void finish_with(const struct finish *f,
                                                              float (*activation)(float))
{
	const float *sums = f->sums, *bias = f->bias, *residual = f->residual;
	float *out = f->out;
	for (size_t i = 0; i < f->pixels; i++, sums += f->columns, out += f->out_stride) {
		if (residual == NULL) {
			for (size_t j = 0; j < f->columns; j++)
				out[j] = activation(sums[j] + bias[j]);
			continue;
		}
		for (size_t j = 0; j < f->columns; j++)
			out[j] = activation(sums[j] + bias[j] + residual[j]);
		residual += f->residual_stride;
	}
}

static inline float identity(float x)
{
	return x;
}

VECTOR_CLONES
static void finish_plain(const struct finish *finish)
{
	finish_with(finish, identity);
}

VECTOR_CLONES
static void finish_relu(const struct finish *finish)
{
	finish_with(finish, relu_inline);
}

VECTOR_CLONES
static void finish_silu(const struct finish *finish)
{
	finish_with(finish, silu_inline);
}

static void finish_run(const struct finish *finish, const struct conv *conv)
{
	if (conv->activated && conv->activation == ACTIVATION_RELU) {
		finish_relu(finish);
	} else if (conv->activated && conv->activation == ACTIVATION_SILU) {
		finish_silu(finish);
	} else {
		finish_plain(finish);
		if (conv->activated)
			activate(finish->out, conv->activation, finish->pixels, finish->columns,
			         finish->out_stride);
	}
}

void conv_finish(const struct maps *out, const struct conv_tile *tile, const struct conv *conv,
                 const struct maps *residual)
{
	size_t width = out->width;
	bool gapless = maps_pitch(out) == width && (residual == NULL || maps_pitch(residual) == width);
	for (size_t done = 0, run; done < tile->pixels; done += run) {
		size_t pixel = tile->first + done, y = pixel / width, x = pixel % width;
		run = gapless ? tile->pixels : conv_run(pixel, tile->pixels - done, width);
		struct finish finish = {
			.out = maps_pixel(out, tile->picture, y, x) + tile->column,
			.sums = tile->sums + done * tile->columns,
			.bias = conv->bias + tile->column,
			.pixels = run,
			.columns = tile->columns,
			.out_stride = out->channels,
		};
		if (residual != NULL) {
			finish.residual = maps_pixel(residual, tile->picture, y, x) + tile->column;
			finish.residual_stride = residual->channels;
		}
		finish_run(&finish, conv);
	}
}
