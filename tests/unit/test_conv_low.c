/* Convolutions in low precision beside the same in f32. */
#include "test_conv.h"

#include "base/pool.h"
#include "nn/conv_low.h"

#include <stdio.h>

static clipcls_error error;

/* Where they can be had. */
static const enum low_type types[] = { LOW_INT8, LOW_BF16 };
#define TYPES (sizeof types / sizeof *types)

/* A convolution with a batch norm, a residual connection and an activation, its input, and room for
 * its output. */
struct layer {
	struct fixture f;
	struct maps x, residual, out;
	struct conv_lowering *lowering;
	struct arena arena;
};

static void layer_make(struct layer *layer, const struct shape *shape, size_t n)
{
	struct conv *conv = &layer->f.conv;
	set_up(&layer->f, shape);
	conv->activated = true;
	conv->activation = ACTIVATION_RELU;
	conv_fold(conv, layer->f.memory, layer->f.weight, NULL, &layer->f.batch_norm, NULL);
	struct maps in = input_of(shape, n, 1);
	struct maps out = maps_windowed(&in, &conv->window, conv->out, (struct frame){ 1, 0, 2, 1 });
	layer->arena = arena_of(maps_scratch(&in) + 2 * maps_scratch(&out));
	layer->x = random_maps(&in, &layer->arena, 7);
	layer->residual = random_maps(&out, &layer->arena, 8);
	layer->out = out;
	maps_place(&layer->out, &layer->arena);
	layer->lowering = NULL;
}

/* false where there is no such precision, which is said. */
static bool layer_lower(struct layer *layer, enum low_type type, struct pool *pool)
{
	const struct conv_place place = { &layer->f.conv, layer->out.height * layer->out.width };
	const char *missing = low_products_missing(type);
	if (missing != NULL) {
		assert_error(conv_lowering_new(&layer->lowering, type, &place, 1, pool, &error),
		             CLIPCLS_ERR_UNSUPPORTED, missing);
		printf("not run: %s\n", missing);
		return false;
	}
	assert_ok(conv_lowering_new(&layer->lowering, type, &place, 1, pool, &error));
	assert_non_null(layer->f.conv.low);
	return true;
}

static void layer_free(struct layer *layer)
{
	conv_lowering_free(layer->lowering);
	assert_null(layer->f.conv.low);
	arena_free(&layer->arena);
	tear_down(&layer->f);
}

static size_t out_floats(const struct layer *layer)
{
	return layer->out.n * maps_picture_floats(&layer->out);
}

/* -> the output, frame included, in memory of the caller's. */
static float *apply(struct layer *layer, struct pool *pool)
{
	float *copy = memory_floats(out_floats(layer));
	conv_apply(&layer->out, &layer->x, &layer->f.conv, &layer->residual, pool);
	memcpy(copy, layer->out.data, out_floats(layer) * sizeof *copy);
	return copy;
}

/* Rounding to 8 bits is wrong by some half percent of what a window sees; anything else than the
 * same convolution would be wrong by as much as there is. */
static void they_agree_with_f32(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHAPES * TYPES; i++) {
		struct layer layer;
		layer_make(&layer, &shapes[i / TYPES], 2);
		float *exact = apply(&layer, NULL);
		if (layer_lower(&layer, types[i % TYPES], NULL)) {
			float *low = apply(&layer, NULL);
			double wrong = 0, size = 0;
			for (size_t k = 0; k < out_floats(&layer); k++) {
				wrong += ((double)low[k] - exact[k]) * (low[k] - exact[k]);
				size += (double)exact[k] * exact[k];
				assert_true(exact[k] != 0 || low[k] < 0.3f); /* also the frame's zeros */
			}
			if (!(wrong > 0 && sqrt(wrong / size) < 0.02))
				fail_msg("shape %zu: off by %g", i / TYPES, sqrt(wrong / size));
			free(low);
		}
		free(exact);
		layer_free(&layer);
	}
}

static void a_picture_does_not_depend_on_its_neighbours_or_the_threads(void **state)
{
	enum { N = 3 };
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (size_t i = 0; i < SHAPES * TYPES; i++) {
		struct layer layer;
		layer_make(&layer, &shapes[i / TYPES], N);
		if (layer_lower(&layer, types[i % TYPES], pool)) {
			float *all = apply(&layer, NULL), *shared = apply(&layer, pool);
			size_t size = maps_picture_floats(&layer.out);
			assert_memory_equal(all, shared, N * size * sizeof *all);
			layer.x.n = layer.out.n = layer.residual.n = 1;
			layer.x.data += maps_picture_floats(&layer.x);
			layer.residual.data += size;
			float *alone = apply(&layer, NULL);
			assert_memory_equal(alone, all + size, size * sizeof *alone);
			free(all);
			free(shared);
			free(alone);
		}
		layer_free(&layer);
	}
	pool_free(pool);
}

static void it_is_in_f32_again_when_raised(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPES; i++) {
		struct layer layer;
		layer_make(&layer, &shapes[4], 1);
		float *before = apply(&layer, NULL);
		if (layer_lower(&layer, types[i], NULL)) {
			float *low = apply(&layer, NULL);
			assert_memory_not_equal(low, before, out_floats(&layer) * sizeof *low);
			free(low);
			conv_lowering_free(layer.lowering);
			layer.lowering = NULL;
		}
		float *after = apply(&layer, NULL);
		assert_memory_equal(after, before, out_floats(&layer) * sizeof *after);
		free(before);
		free(after);
		layer_free(&layer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_agree_with_f32),
		cmocka_unit_test(a_picture_does_not_depend_on_its_neighbours_or_the_threads),
		cmocka_unit_test(it_is_in_f32_again_when_raised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
