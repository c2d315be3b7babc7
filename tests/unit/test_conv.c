#include "test_conv.h"

#include "base/pool.h"

#include <stdio.h>

static clipcls_error error;

/* The convolution at one place, by its definition; *size: the sum of the terms' sizes. */
static double naive(const struct fixture *f, const struct maps *x, size_t picture, size_t y,
                    size_t column, size_t out, double *size)
{
	const struct window *window = &f->conv.window;
	size_t K = window->kernel, I = f->conv.in;
	double sum = 0;
	*size = 0;
	for (size_t down = 0; down < K; down++) {
		for (size_t right = 0; right < K; right++) {
			size_t row = y * window->stride + down, col = column * window->stride + right;
			if (row < window->padding.top || row >= window->padding.top + x->height ||
			    col < window->padding.left || col >= window->padding.left + x->width)
				continue;
			const float *pixel =
			    maps_pixel(x, picture, row - window->padding.top, col - window->padding.left);
			for (size_t in = 0; in < I; in++) {
				double term =
				    (double)f->weight[((out * I + in) * K + down) * K + right] * pixel[in];
				sum += term;
				*size += fabs(term);
			}
		}
	}
	return sum;
}

/* Rounding to float once for every product: 1e-6 of the sum of their sizes. */
static void convolutions_agree_with_their_definition(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES; i++) {
		struct fixture f;
		set_up(&f, &shapes[i]);
		conv_fold(&f.conv, f.memory, f.weight, f.bias, NULL, NULL);
		struct maps in = input_of(&shapes[i], 2, 0);
		struct maps out = maps_windowed(&in, &f.conv.window, f.conv.out, (struct frame){ 0 });
		struct arena arena = arena_of(maps_scratch(&in) + maps_scratch(&out));
		struct maps x = random_maps(&in, &arena, 7);
		maps_place(&out, &arena);
		conv_apply(&out, &x, &f.conv, NULL, NULL);
		for (size_t k = 0; k < out.n * out.height * out.width * out.channels; k++) {
			size_t o = k % out.channels, pixel = k / out.channels, size = out.height * out.width;
			double scale;
			double exact = naive(&f, &x, pixel / size, pixel % size / out.width, pixel % out.width,
			                     o, &scale) +
			               f.bias[o];
			if (!(fabs(out.data[k] - exact) <= 1e-6 * (1 + scale)))
				fail_msg("shape %zu, element %zu: %g is not %g", i, k, out.data[k], exact);
		}
		arena_free(&arena);
		tear_down(&f);
	}
}

static double activated(const struct conv *conv, double x)
{
	if (!conv->activated)
		return x;
	switch (conv->activation) {
	case ACTIVATION_RELU: return x > 0 ? x : 0;
	case ACTIVATION_SILU: return x / (1 + exp(-x));
	default: return x / (1 + exp(-1.702 * x));
	}
}

/* Batch norm, residual and activation in that order, within frames that are wider than needed. */
static void what_follows_is_in_its_order_and_frames_stay(void **state)
{
	static const enum activation activations[] = { ACTIVATION_RELU, ACTIVATION_SILU,
		                                           ACTIVATION_QUICK_GELU };
	(void)state;
	for (size_t i = 0; i < SHAPES * 4; i++) {
		struct fixture f;
		set_up(&f, &shapes[i / 4]);
		f.conv.activated = i % 4 < 3;
		f.conv.activation = f.conv.activated ? activations[i % 4] : ACTIVATION_GELU;
		conv_fold(&f.conv, f.memory, f.weight, NULL, &f.batch_norm, NULL);
		struct maps in = input_of(&shapes[i / 4], 2, i % 2);
		struct frame frame = { 1, 2, 3, i % 3 };
		frame = i % 5 == 2 ? (struct frame){ 0 } : frame;
		struct maps out = maps_windowed(&in, &f.conv.window, f.conv.out, frame);
		struct maps added = out;
		bool adds = i % 5 != 4;
		added.frame = i % 5 < 2 ? out.frame : (struct frame){ 0, 0, i % 5 == 2, 0 };
		struct arena arena =
		    arena_of(maps_scratch(&in) + maps_scratch(&added) + maps_scratch(&out));
		struct maps x = random_maps(&in, &arena, 7), residual = random_maps(&added, &arena, 8);
		maps_place(&out, &arena);
		conv_apply(&out, &x, &f.conv, adds ? &residual : NULL, NULL);
		for (size_t k = 0; k < out.n * out.height * out.width * out.channels; k++) {
			size_t o = k % out.channels, pixel = k / out.channels, size = out.height * out.width;
			size_t picture = pixel / size, y = pixel % size / out.width, column = pixel % out.width;
			double scale, exact = naive(&f, &x, picture, y, column, o, &scale);
			double gain = f.norm[0][o] / sqrt(f.norm[3][o] + 1e-3);
			exact = (exact - f.norm[2][o]) * gain + f.norm[1][o];
			exact += adds ? maps_pixel(&residual, picture, y, column)[o] : 0;
			exact = activated(&f.conv, exact);
			double got = maps_pixel(&out, picture, y, column)[o];
			if (!(fabs(got - exact) <= 1e-6 * (2 + 2 * scale * fabs(gain))))
				fail_msg("shape %zu, element %zu: %g is not %g", i, k, got, exact);
		}
		size_t height = frame.top + out.height + frame.bottom, pitch = maps_pitch(&out);
		for (size_t pixel = 0; pixel < out.n * height * pitch; pixel++) {
			size_t y = pixel / pitch % height - frame.top, x = pixel % pitch - frame.left;
			for (size_t o = 0; (y >= out.height || x >= out.width) && o < out.channels; o++)
				assert_true(out.data[pixel * out.channels + o] == 0);
		}
		arena_free(&arena);
		tear_down(&f);
	}
}

static void a_picture_does_not_depend_on_its_neighbours_or_the_threads(void **state)
{
	enum { N = 3 };
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (size_t i = 0; i < SHAPES; i++) {
		struct fixture f;
		set_up(&f, &shapes[i]);
		conv_fold(&f.conv, f.memory, f.weight, f.bias, &f.batch_norm, pool);
		struct maps in = input_of(&shapes[i], N, 0);
		struct maps out = maps_windowed(&in, &f.conv.window, f.conv.out, (struct frame){ 0 });
		struct maps one = out;
		one.n = 1;
		size_t size = maps_picture_floats(&out);
		struct arena arena =
		    arena_of(maps_scratch(&in) + 2 * maps_scratch(&out) + maps_scratch(&one));
		struct maps x = random_maps(&in, &arena, 7), shared = out;
		maps_place(&out, &arena);
		maps_place(&shared, &arena);
		maps_place(&one, &arena);
		conv_apply(&out, &x, &f.conv, NULL, NULL);
		conv_apply(&shared, &x, &f.conv, NULL, pool);
		assert_memory_equal(out.data, shared.data, N * size * sizeof *out.data);
		for (size_t picture = 0; picture < N; picture++) {
			struct maps alone = x;
			alone.n = 1;
			alone.data += picture * maps_picture_floats(&x);
			conv_apply(&one, &alone, &f.conv, NULL, picture % 2 ? pool : NULL);
			assert_memory_equal(one.data, out.data + picture * size, size * sizeof *one.data);
		}
		arena_free(&arena);
		tear_down(&f);
	}
	pool_free(pool);
}

static void a_residual_may_lie_where_the_output_does(void **state)
{
	struct fixture f;
	const struct shape *shape = &shapes[1];
	(void)state;
	set_up(&f, shape);
	conv_fold(&f.conv, f.memory, f.weight, f.bias, NULL, NULL);
	struct maps in = input_of(shape, 1, 0);
	struct maps out = maps_windowed(&in, &f.conv.window, f.conv.out, (struct frame){ 0 });
	struct arena arena = arena_of(maps_scratch(&in) + 2 * maps_scratch(&out));
	struct maps x = random_maps(&in, &arena, 7), place = random_maps(&out, &arena, 8);
	maps_place(&out, &arena);
	conv_apply(&out, &x, &f.conv, &place, NULL);
	conv_apply(&place, &x, &f.conv, &place, NULL);
	assert_memory_equal(out.data, place.data, maps_picture_floats(&out) * sizeof *out.data);
	arena_free(&arena);
	tear_down(&f);
}

static void planes_become_pixels(void **state)
{
	enum { N = 2, C = 3, H = 5, W = 19 };
	float *planes = random_floats(N * C * H * W, 1);
	struct maps maps = { .n = N, .height = H, .width = W, .channels = C, .frame = { 1, 1, 1, 1 } };
	(void)state;
	struct arena arena = arena_of(maps_scratch(&maps));
	maps_place(&maps, &arena);
	maps_from_planes(&maps, planes, NULL);
	for (size_t i = 0; i < N * C * H * W; i++) {
		size_t picture = i / (C * H * W), channel = i / (H * W) % C, y = i / W % H;
		assert_true(maps_pixel(&maps, picture, y, i % W)[channel] == planes[i]);
	}
	arena_free(&arena);
	free(planes);
}

static void sizes_that_overflow_are_noticed(void **state)
{
	size_t floats;
	const struct conv wide = { .out = SIZE_MAX, .in = 2, .window = { .kernel = 1 } };
	const struct conv deep = { .out = 2, .in = SIZE_MAX / 8, .window = { .kernel = 3 } };
	const struct conv biased = { .out = SIZE_MAX - 4, .in = 1, .window = { .kernel = 1 } };
	(void)state;
	assert_false(conv_floats(&floats, &wide));
	assert_false(conv_floats(&floats, &deep));
	assert_false(conv_floats(&floats, &biased));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(convolutions_agree_with_their_definition),
		cmocka_unit_test(what_follows_is_in_its_order_and_frames_stay),
		cmocka_unit_test(a_picture_does_not_depend_on_its_neighbours_or_the_threads),
		cmocka_unit_test(a_residual_may_lie_where_the_output_does),
		cmocka_unit_test(planes_become_pixels),
		cmocka_unit_test(sizes_that_overflow_are_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
