#include "random_maps.h"

#include "base/pool.h"
#include "nn/depthwise.h"
#include "nn/ops.h"
#include "nn/pool2d.h"
#include "nn/squeeze.h"

#include <math.h>
#include <stdlib.h>

static clipcls_error error;

struct shape {
	size_t height, width, channels, kernel, stride;
	struct frame padding;
};

static const struct shape shapes[] = {
	{ 7, 9, 32, 3, 1, { 1, 1, 1, 1 } },
	{ 5, 5, 16, 5, 1, { 2, 2, 2, 2 } },
	{ 8, 11, 40, 3, 2, { 0, 1, 0, 1 } }, /* ALIGN's paddings: adjusted */
	{ 9, 12, 21, 5, 2, { 1, 2, 1, 2 } },
	{ 9, 13, 48, 5, 2, { 2, 2, 2, 2 } }, /* and not */
	{ 4, 3, 5, 3, 1, { 1, 1, 1, 1 } },   /* fewer channels than a vector holds */
	{ 3, 6, 1, 5, 1, { 2, 2, 2, 2 } },
	{ 40, 70, 200, 3, 1, { 1, 1, 1, 1 } }, /* more than one band */
	{ 3, 5, 1303, 5, 1, { 2, 2, 2, 2 } },  /* the last group of channels goes by itself */
};
#define SHAPES (sizeof shapes / sizeof *shapes)

struct fixture {
	struct depthwise depthwise;
	float *weight, *memory, *norm[4];
	struct batch_norm batch_norm;
	struct maps x, out;
	struct arena arena;
};

static void set_up(struct fixture *f, const struct shape *shape, size_t n)
{
	size_t floats, C = shape->channels, K = shape->kernel;
	*f = (struct fixture){ .depthwise = { .channels = C,
		                                  .window = { K, shape->stride, shape->padding },
		                                  .activation = ACTIVATION_SILU } };
	assert_true(depthwise_floats(&floats, &f->depthwise));
	f->memory = memory_floats(floats);
	f->weight = random_floats(C * K * K, 1);
	for (uint32_t i = 0; i < 4; i++)
		f->norm[i] = random_floats(C, 3 + i);
	for (size_t i = 0; i < C; i++)
		f->norm[3][i] = 0.5f + fabsf(f->norm[3][i]);
	f->batch_norm = (struct batch_norm){ f->norm[0], f->norm[1], f->norm[2], f->norm[3], 1e-3 };
	depthwise_fold(&f->depthwise, f->memory, f->weight, NULL, &f->batch_norm);
	struct maps in = { .n = n,
		               .height = shape->height,
		               .width = shape->width,
		               .channels = C,
		               .frame = shape->padding };
	f->out = maps_windowed(&in, &f->depthwise.window, C, (struct frame){ 1, 0, 2, 1 });
	f->arena = arena_of(maps_scratch(&in) + maps_scratch(&f->out));
	f->x = random_maps(&in, &f->arena, 7);
	maps_place(&f->out, &f->arena);
}

static void tear_down(struct fixture *f)
{
	free(f->memory);
	free(f->weight);
	for (size_t i = 0; i < 4; i++)
		free(f->norm[i]);
	arena_free(&f->arena);
}

/* The convolution at one place, by its definition. */
static double naive(const struct fixture *f, size_t picture, size_t y, size_t column,
                    size_t channel)
{
	const struct window *window = &f->depthwise.window;
	size_t K = window->kernel;
	double sum = 0;
	for (size_t down = 0; down < K; down++) {
		for (size_t right = 0; right < K; right++) {
			size_t row = y * window->stride + down, col = column * window->stride + right;
			if (row < window->padding.top || row >= window->padding.top + f->x.height ||
			    col < window->padding.left || col >= window->padding.left + f->x.width)
				continue;
			sum += (double)f->weight[(channel * K + down) * K + right] *
			       maps_pixel(&f->x, picture, row - window->padding.top,
			                  col - window->padding.left)[channel];
		}
	}
	return sum;
}

/* 26 roundings of numbers around 1. */
static void depthwise_convolutions_agree_with_their_definition(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES * 2; i++) {
		struct fixture f;
		set_up(&f, &shapes[i / 2], 2);
		f.depthwise.activation = i % 2 ? ACTIVATION_RELU : ACTIVATION_SILU;
		depthwise_apply(&f.out, &f.x, &f.depthwise, NULL);
		size_t size = f.out.height * f.out.width, C = f.out.channels;
		for (size_t k = 0; k < 2 * size * C; k++) {
			size_t pixel = k / C % size, y = pixel / f.out.width, x = pixel % f.out.width;
			double gain = f.norm[0][k % C] / sqrt(f.norm[3][k % C] + 1e-3);
			double exact = naive(&f, k / C / size, y, x, k % C);
			exact = (exact - f.norm[2][k % C]) * gain + f.norm[1][k % C];
			exact = i % 2 ? (exact > 0 ? exact : 0) : exact / (1 + exp(-exact));
			double got = maps_pixel(&f.out, k / C / size, y, x)[k % C];
			if (!(fabs(got - exact) <= 5e-6))
				fail_msg("shape %zu, element %zu: %g is not %g", i, k, got, exact);
		}
		for (size_t k = 0; k < maps_pitch(&f.out) * C; k++)
			assert_true(f.out.data[k] == 0); /* the frame's first row */
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
		set_up(&f, &shapes[i], N);
		size_t size = maps_picture_floats(&f.out);
		float *first = random_floats(N * size, 1);
		depthwise_apply(&f.out, &f.x, &f.depthwise, NULL);
		memcpy(first, f.out.data, N * size * sizeof *first);
		depthwise_apply(&f.out, &f.x, &f.depthwise, pool);
		assert_memory_equal(first, f.out.data, N * size * sizeof *first);
		struct maps x = f.x, out = f.out;
		x.n = out.n = 1;
		x.data += 2 * maps_picture_floats(&x);
		depthwise_apply(&out, &x, &f.depthwise, NULL);
		assert_memory_equal(first + 2 * size, out.data, size * sizeof *first);
		free(first);
		tear_down(&f);
	}
	pool_free(pool);
}

static void averages_are_of_four_pixels_and_of_all(void **state)
{
	enum { N = 2, H = 7, W = 11, C = 70 };
	struct pool *pool = NULL;
	struct maps in = { .n = N, .height = H, .width = W, .channels = C, .frame = { 1, 1, 1, 1 } };
	struct maps out = { .n = N, .height = H / 2, .width = W / 2, .channels = C, .frame = { 1 } };
	struct arena arena;
	float means[N * C], again[N * C];
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	assert_ok(arena_init(&arena, maps_scratch(&in) + maps_scratch(&out), &error));
	struct maps x = random_maps(&in, &arena, 1);
	maps_place(&out, &arena);
	pool_halves(&out, &x, pool);
	pool_global(means, &x, NULL);
	pool_global(again, &x, pool);
	assert_memory_equal(means, again, sizeof means);
	for (size_t i = 0; i < N * C; i++) {
		size_t picture = i / C, channel = i % C;
		double sum = 0;
		for (size_t pixel = 0; pixel < H * W; pixel++)
			sum += maps_pixel(&x, picture, pixel / W, pixel % W)[channel];
		assert_true(fabs(means[i] - sum / (H * W)) <= 1e-7);
		for (size_t pixel = 0; pixel < (H / 2) * (W / 2); pixel++) {
			size_t row = pixel / (W / 2), column = pixel % (W / 2);
			double four = 0;
			for (size_t k = 0; k < 4; k++)
				four += maps_pixel(&x, picture, 2 * row + k / 2, 2 * column + k % 2)[channel] / 4;
			assert_true(fabs(maps_pixel(&out, picture, row, column)[channel] - four) <= 1e-7);
		}
	}
	arena_free(&arena);
	pool_free(pool);
}

static struct conv conv_of(size_t out, size_t in, float **memory, uint32_t seed)
{
	size_t floats;
	struct conv conv = { .out = out, .in = in, .window = { .kernel = 1, .stride = 1 } };
	float *weight = random_floats(out * in, seed), *bias = random_floats(out, seed + 1);
	assert_true(conv_floats(&floats, &conv));
	*memory = memory_floats(floats);
	conv_fold(&conv, *memory, weight, bias, NULL, NULL);
	free(weight);
	free(bias);
	return conv;
}

/* Against the same in single steps. */
static void squeezing_multiplies_every_channel_by_its_gate(void **state)
{
	enum { N = 2, H = 5, W = 4, C = 40, R = 10 };
	struct maps in = { .n = N, .height = H, .width = W, .channels = C, .frame = { 1, 1, 1, 1 } };
	float *memory[2], *weight = random_floats(C * R, 1), *bias = random_floats(R, 2);
	float *back = random_floats(C * R, 3), *back_bias = random_floats(C, 4), means[N * C];
	struct arena arena;
	struct squeeze squeeze = { conv_of(R, C, &memory[0], 1), conv_of(C, R, &memory[1], 3) };
	squeeze.reduce.activated = true;
	squeeze.reduce.activation = ACTIVATION_SILU;
	(void)state;
	assert_ok(arena_init(&arena, 3 * maps_scratch(&in) + squeeze_scratch(&squeeze, N), &error));
	struct maps x = random_maps(&in, &arena, 9), before = random_maps(&in, &arena, 9);
	struct maps again = random_maps(&in, &arena, 9);
	size_t used = arena.used;
	squeeze_apply(&x, &squeeze, &arena, NULL);
	assert_int_equal(arena.used, used);
	pool_global(means, &before, NULL);
	for (size_t picture = 0; picture < N; picture++) {
		double reduced[R];
		struct maps alone = again;
		alone.n = 1;
		alone.data += picture * maps_picture_floats(&alone);
		squeeze_apply(&alone, &squeeze, &arena, NULL);
		for (size_t r = 0; r < R; r++) {
			/* Both fixtures draw from one seed each: weight, then a bias of the next seed. */
			double sum = bias[r];
			for (size_t c = 0; c < C; c++)
				sum += (double)weight[r * C + c] * means[picture * C + c];
			reduced[r] = sum / (1 + exp(-sum));
		}
		for (size_t i = 0; i < H * W * C; i++) {
			double sum = back_bias[i % C];
			for (size_t r = 0; r < R; r++)
				sum += (double)back[i % C * R + r] * reduced[r];
			double exact = maps_pixel(&before, picture, i / C / W, i / C % W)[i % C];
			exact /= 1 + exp(-sum);
			float got = maps_pixel(&x, picture, i / C / W, i / C % W)[i % C];
			assert_true(fabs(got - exact) <= 1e-6);
		}
	}
	/* A picture by itself: the same to the last bit. */
	assert_memory_equal(again.data, x.data, N * maps_picture_floats(&x) * sizeof *x.data);
	free(memory[0]);
	free(memory[1]);
	free(weight);
	free(bias);
	free(back);
	free(back_bias);
	arena_free(&arena);
}

static void a_sigmoid_agrees_with_libm(void **state)
{
	(void)state;
	for (double x = -100; x < 100; x += 0.0137) {
		float y = (float)x;
		sigmoid(&y, 1);
		assert_true(fabs(y - 1 / (1 + exp(-(float)x))) <= 2e-7);
	}
}

static void sizes_that_overflow_are_noticed(void **state)
{
	size_t floats;
	const struct depthwise wide = { .channels = SIZE_MAX / 9, .window = { .kernel = 3 } };
	(void)state;
	assert_false(depthwise_floats(&floats, &wide));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depthwise_convolutions_agree_with_their_definition),
		cmocka_unit_test(a_picture_does_not_depend_on_its_neighbours_or_the_threads),
		cmocka_unit_test(averages_are_of_four_pixels_and_of_all),
		cmocka_unit_test(squeezing_multiplies_every_channel_by_its_gate),
		cmocka_unit_test(a_sigmoid_agrees_with_libm),
		cmocka_unit_test(sizes_that_overflow_are_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
