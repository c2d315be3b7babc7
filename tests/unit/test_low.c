#include "unit.h"

#include "random.h"

#include "base/memory.h"
#include "base/pool.h"
#include "model/dtype.h"
#include "model/quantized.h"
#include "nn/blocked.h"
#include "nn/low.h"
#include "nn/quantize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static clipcls_error error;

static void a_row_comes_back_within_a_step(void **state)
{
	enum { K = 203 };
	float x[K], scale;
	uint8_t bytes[K];
	int32_t zero;
	uint32_t seed = 1;
	(void)state;
	for (int row = 0; row < 300; row++) {
		/* All sizes, also all of one sign, and far from 0. */
		float size = ldexpf(1, row % 60 - 30), shift = (float)(row % 7 - 3);
		for (size_t i = 0; i < K; i++)
			x[i] = size * (random_float(&seed) + shift);
		quantize_row(bytes, &scale, &zero, x, K);
		assert_in_range(zero, 0, 255);
		for (size_t i = 0; i < K; i++) {
			double back = (double)scale * (bytes[i] - zero);
			/* The zero is rounded to a whole step, too: at the ends of the range that can be
			 * half a step more. */
			assert_true(fabs(back - x[i]) <= 1.0001 * scale);
		}
	}
}

static void rows_of_nothing_and_of_no_numbers(void **state)
{
	float zeros[40] = { 0 }, tiny[40], scale;
	uint8_t bytes[40];
	int32_t zero;
	(void)state;
	quantize_row(bytes, &scale, &zero, zeros, 40);
	assert_true(scale * (float)(bytes[7] - zero) == 0);
	for (size_t i = 0; i < 40; i++)
		tiny[i] = 1e-42f;
	quantize_row(bytes, &scale, &zero, tiny, 40);
	assert_true(scale * (float)(bytes[7] - zero) == 0);
	for (size_t place = 0; place < 40; place++) {
		zeros[place] = place % 2 ? NAN : -INFINITY;
		quantize_row(bytes, &scale, &zero, zeros, 40);
		assert_true(isnan(scale));
		zeros[place] = 0;
	}
}

static void weights_come_back_within_half_a_step(void **state)
{
	enum { K = 203 };
	static const int limits[] = { 127, 63 };
	(void)state;
	for (int l = 0; l < 2; l++) {
		float *x = random_floats(K, 7), scale;
		int8_t bytes[K];
		int32_t sum, counted = 0;
		quantize_weight(bytes, &scale, &sum, x, K, limits[l]);
		for (size_t i = 0; i < K; i++) {
			counted += bytes[i];
			assert_true(abs(bytes[i]) <= limits[l]);
			assert_true(fabs((double)scale * bytes[i] - x[i]) <= 0.5001 * scale);
		}
		assert_int_equal(sum, counted);
		free(x);
	}
}

static void bf16_is_rounded_as_stored_tensors_are(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1 << 18; i++) {
		uint32_t bits = i * 16411u;
		float x;
		uint16_t ours, theirs;
		memcpy(&x, &bits, sizeof x);
		round_to_bf16(&ours, &x, 1);
		dtype_from_f32(&theirs, DTYPE_BF16, &x, 1);
		if (!isnan(x))
			assert_int_equal(ours, theirs);
		else
			assert_true((ours & 0x7fff) > 0x7f80);
	}
}

/* One linear layer in low precision, with rows to put through it. */
struct layer {
	struct linear linear;
	struct low_weights *weights;
	struct low_rows rows;
	struct arena arena;
	float *x, *weight, *bias;
	size_t count; /* rows */
};

static void layer_make(struct layer *layer, enum low_type type, size_t N, size_t K, size_t tiles,
                       size_t T, struct pool *pool)
{
	const size_t heights[2] = { T, 1 };
	*layer = (struct layer){ .count = tiles * T };
	layer->weight = random_floats(N * K, 1);
	layer->bias = random_floats(N, 2);
	layer->x = random_floats(layer->count * K, 3);
	layer->linear = (struct linear){ .weight = layer->weight, .bias = layer->bias, .n = N, .k = K };
	struct linear *linear = &layer->linear;
	assert_ok(low_weights_new(&layer->weights, type, &linear, 1, heights, pool, &error));
	assert_ok(arena_init(&layer->arena, low_rows_scratch(layer->count, K), &error));
	layer->rows = low_rows_take(&layer->arena, type, layer->count, K);
	low_rows_fill(&layer->rows, layer->x, layer->count, K, pool);
}

static void layer_free(struct layer *layer)
{
	low_weights_free(layer->weights);
	arena_free(&layer->arena);
	free(layer->weight);
	free(layer->bias);
	free(layer->x);
}

static bool missing(enum low_type type)
{
	struct low_kernels *kernels;
	const size_t rows[2] = { 5, 1 };
	const char *reason = low_products_missing(type);
	if (reason != NULL) {
		assert_error(low_kernels_new(&kernels, type, rows, 64, 64, 1, &error),
		             CLIPCLS_ERR_UNSUPPORTED, reason);
		assert_null(kernels);
		printf("not run: %s\n", reason);
	}
	return reason != NULL;
}

/* What rounding x and the weights may do to a product of K: each factor is wrong by at most what
 * the tests above say, and the other is at most 1. bf16 has 8 bits: half of 2^-8 of each factor. */
static double bound_of(const struct layer *layer, size_t row, size_t column)
{
	const float *x = layer->x + row * layer->linear.k,
	            *w = layer->weight + column * layer->linear.k;
	double sum_x = 0, sum_w = 0, sum_xw = 0, most_w = 0, low = 0, high = 0;
	for (size_t i = 0; i < layer->linear.k; i++) {
		sum_x += fabs(x[i]);
		sum_w += fabs(w[i]);
		sum_xw += fabs((double)x[i] * w[i]);
		most_w = fmax(most_w, fabs(w[i]));
		low = fmin(low, x[i]);
		high = fmax(high, x[i]);
	}
	if (layer->rows.type == LOW_BF16)
		return sum_xw * 2 * 0x1.02p-9 + 1e-5 * sum_xw;
	double step_x = (high - low) / 255, step_w = most_w / low_products_weight_limit();
	return 1.001 * (step_x * sum_w + 0.5 * step_w * (sum_x + (double)layer->linear.k * step_x)) +
	       1e-5;
}

static void products_are_within_the_bound_of_rounding(void **state)
{
	static const size_t shapes[][2] = {
		{ 64, 48 }, { 200, 100 }, { 144, 577 }, { 768, 768 }, { 256, 3072 }
	};
	enum { TILES = 3, T = 5 };
	(void)state;
	for (int i = 0; i < 10; i++) {
		enum low_type type = i < 5 ? LOW_INT8 : LOW_BF16;
		size_t N = shapes[i % 5][0], K = shapes[i % 5][1];
		struct layer layer;
		if (missing(type))
			continue;
		layer_make(&layer, type, N, K, TILES, T, NULL);
		float *out = random_floats(TILES * T * N, 4), *residual = random_floats(TILES * T * N, 4);
		low_apply(out, &layer.rows, (struct row_tiles){ TILES, T }, &layer.linear,
		          i % 2 ? LINEAR_ADD : LINEAR_SET, NULL);
		for (size_t row = 0; row < TILES * T; row++) {
			for (size_t column = 0; column < N; column++) {
				double exact = layer.bias[column] + (i % 2 ? residual[row * N + column] : 0);
				for (size_t k = 0; k < K; k++)
					exact += (double)layer.x[row * K + k] * layer.weight[column * K + k];
				assert_true(fabs(out[row * N + column] - exact) <= bound_of(&layer, row, column));
			}
		}
		free(out);
		free(residual);
		layer_free(&layer);
	}
}

/* Exactness here is what lets output bytes not change with -j, the batch or the neighbours. */
static void a_tile_does_not_depend_on_its_neighbours_or_the_threads(void **state)
{
	enum { TILES = 7, N = 328, K = 144 };
	static const size_t tile_rows[] = { 1, 5, 50, 65 };
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (int i = 0; i < 8; i++) {
		enum low_type type = i < 4 ? LOW_INT8 : LOW_BF16;
		size_t T = tile_rows[i % 4];
		struct layer layer;
		if (missing(type))
			continue;
		layer_make(&layer, type, N, K, TILES, T, pool);
		float *all = random_floats(TILES * T * N, 4), *some = random_floats(TILES * T * N, 5);
		low_apply(all, &layer.rows, (struct row_tiles){ TILES, T }, &layer.linear, LINEAR_SET,
		          NULL);
		for (size_t count = 1; count < TILES; count++) {
			size_t first = (TILES - count) * T;
			low_rows_fill(&layer.rows, layer.x + first * K, count * T, K, count % 3 ? pool : NULL);
			low_apply(some, &layer.rows, (struct row_tiles){ count, T }, &layer.linear, LINEAR_SET,
			          count % 2 ? pool : NULL);
			assert_memory_equal(some, all + first * N, count * T * N * sizeof *some);
		}
		if (type == LOW_INT8) { /* sums are exact: a row alone gives the same as in its tile */
			low_rows_fill(&layer.rows, layer.x, layer.count, K, NULL);
			low_apply(some, &layer.rows, (struct row_tiles){ TILES * T, 1 }, &layer.linear,
			          LINEAR_SET, pool);
			assert_memory_equal(some, all, TILES * T * N * sizeof *some);
		}
		free(all);
		free(some);
		layer_free(&layer);
	}
	pool_free(pool);
}

/* The largest products there are: on processors that add two of them in 16 bits they would be cut
 * off at 32767, had the weights not one bit less there. */
static void the_largest_products_do_not_saturate(void **state)
{
	enum { N = 72, K = 768, T = 5 };
	struct layer layer;
	float out[T * N];
	(void)state;
	if (missing(LOW_INT8))
		return;
	layer_make(&layer, LOW_INT8, N, K, 1, T, NULL);
	low_weights_free(layer.weights);
	for (size_t i = 0; i < N * K; i++)
		layer.weight[i] = i / K % 2 ? 1.0f : -1.0f;
	for (size_t i = 0; i < T * K; i++)
		layer.x[i] = 1;
	struct linear *linear = &layer.linear;
	assert_ok(low_weights_new(&layer.weights, LOW_INT8, &linear, 1, (const size_t[]){ T, 1 }, NULL,
	                          &error));
	low_rows_fill(&layer.rows, layer.x, T, K, NULL);
	low_apply(out, &layer.rows, (struct row_tiles){ 1, T }, linear, LINEAR_SET, NULL);
	for (size_t i = 0; i < T * N; i++) {
		double exact = layer.bias[i % N] + (i % N % 2 ? K : -K);
		assert_true(fabs(out[i] - exact) <= 1e-3);
	}
	layer_free(&layer);
}

static void activation_comes_behind_the_bias(void **state)
{
	enum { N = 130, K = 64, T = 5 };
	(void)state;
	for (int type = LOW_INT8; type <= LOW_BF16; type++) {
		struct layer layer;
		float plain[T * N], activated[T * N];
		if (missing((enum low_type)type))
			continue;
		layer_make(&layer, (enum low_type)type, N, K, 1, T, NULL);
		low_apply(plain, &layer.rows, (struct row_tiles){ 1, T }, &layer.linear, LINEAR_SET, NULL);
		low_activate(activated, &layer.rows, (struct row_tiles){ 1, T }, &layer.linear,
		             ACTIVATION_GELU, NULL);
		for (size_t i = 0; i < T * N; i++) {
			double x = plain[i], exact = x / 2 * (1 + erf(x / sqrt(2)));
			assert_true(fabs(activated[i] - exact) <= 4e-7 * fmax(1, fabs(x)));
		}
		layer_free(&layer);
	}
}

static void a_row_without_numbers_gives_none(void **state)
{
	enum { N = 64, K = 64, T = 5 };
	(void)state;
	for (int type = LOW_INT8; type <= LOW_BF16; type++) {
		struct layer layer;
		float out[T * N];
		if (missing((enum low_type)type))
			continue;
		layer_make(&layer, (enum low_type)type, N, K, 1, T, NULL);
		layer.x[2 * K + 9] = NAN;
		low_rows_fill(&layer.rows, layer.x, T, K, NULL);
		low_apply(out, &layer.rows, (struct row_tiles){ 1, T }, &layer.linear, LINEAR_SET, NULL);
		for (size_t i = 0; i < T * N; i++)
			assert_int_equal(isnan(out[i]) != 0, i / N == 2);
		layer_free(&layer);
	}
}

/* A file's weights in int8: kernels that take all 8 bits get its bytes, which are those made of the
 * original floats; for others it is as if the file had floats. */
static void weights_of_a_file_in_int8_are_used_as_they_are(void **state)
{
	enum { N = 200, K = 144, TILES = 3, T = 5 };
	(void)state;
	for (int type = LOW_INT8; type <= LOW_BF16; type++) {
		struct layer layer;
		if (missing((enum low_type)type))
			continue;
		layer_make(&layer, (enum low_type)type, N, K, TILES, T, NULL);
		bool whole = type == LOW_INT8 && low_products_weight_limit() == QUANTIZED_LIMIT;
		int8_t *values = memory_new(N * K, 1);
		unsigned char *scales = memory_new(N * sizeof(float) + 1, 1); /* at an odd address */
		float *expected = random_floats(TILES * T * N, 4), *out = random_floats(TILES * T * N, 5);
		struct linear stored = {
			.bias = layer.bias, .quantized = { values, scales + 1 }, .n = N, .k = K
		};
		struct linear *linears[] = { &layer.linear, &stored };
		for (size_t n = 0; n < N; n++) {
			float scale, *row = layer.weight + n * K;
			int32_t sum;
			quantize_weight(values + n * K, &scale, &sum, row, K, QUANTIZED_LIMIT);
			memcpy(scales + 1 + n * sizeof scale, &scale, sizeof scale);
			for (size_t k = 0; k < K && !whole; k++)
				row[k] = scale * (float)values[n * K + k];
		}
		low_weights_free(layer.weights);
		assert_ok(low_weights_new(&layer.weights, (enum low_type)type, linears, 2,
		                          (const size_t[]){ T, 1 }, NULL, &error));
		low_apply(expected, &layer.rows, (struct row_tiles){ TILES, T }, &layer.linear, LINEAR_SET,
		          NULL);
		low_apply(out, &layer.rows, (struct row_tiles){ TILES, T }, &stored, LINEAR_SET, NULL);
		assert_memory_equal(out, expected, TILES * T * N * sizeof *out);
		free(values);
		free(scales);
		free(expected);
		free(out);
		layer_free(&layer);
	}
}

/* A file of blocks gives the same weights as one of rows. */
static void weights_in_blocks_are_those_in_rows(void **state)
{
	enum { N = 200, K = 144, T = 5 };
	(void)state;
	for (int type = LOW_INT8; type <= LOW_BF16; type++) {
		struct layer layer;
		size_t floats;
		if (missing((enum low_type)type))
			continue;
		layer_make(&layer, (enum low_type)type, N, K, 1, T, NULL);
		assert_true(blocked_floats(&floats, N, K));
		float *blocks = memory_floats(floats);
		float *expected = random_floats(T * N, 4), *out = random_floats(T * N, 5);
		blocked_fill(blocks, &(struct blocked_weight){ NULL, layer.weight, N, K }, NULL);
		struct linear in_blocks = { .bias = layer.bias, .blocks = blocks, .n = N, .k = K };
		struct linear *linears[] = { &layer.linear, &in_blocks };
		low_weights_free(layer.weights);
		assert_ok(low_weights_new(&layer.weights, (enum low_type)type, linears, 2,
		                          (const size_t[]){ T, 1 }, NULL, &error));
		low_apply(expected, &layer.rows, (struct row_tiles){ 1, T }, &layer.linear, LINEAR_SET,
		          NULL);
		low_apply(out, &layer.rows, (struct row_tiles){ 1, T }, &in_blocks, LINEAR_SET, NULL);
		assert_memory_equal(out, expected, T * N * sizeof *out);
		free(blocks);
		free(expected);
		free(out);
		layer_free(&layer);
	}
}

/* Exact but for the last roundings, where quantizing anew would be wrong by half a step. */
static void a_file_s_values_are_multiplied_even_where_none_is_large(void **state)
{
	enum { N = 64, K = 144, T = 5 };
	struct layer layer;
	static int8_t values[N * K];
	float scales[N], out[T * N];
	(void)state;
	if (missing(LOW_INT8) || low_products_weight_limit() != QUANTIZED_LIMIT)
		return;
	layer_make(&layer, LOW_INT8, N, K, 1, T, NULL);
	low_weights_free(layer.weights);
	for (size_t n = 0; n < N; n++)
		quantize_weight(values + n * K, &scales[n], &(int32_t){ 0 }, layer.weight + n * K, K, 50);
	struct linear stored = { .quantized = { values, (unsigned char *)scales }, .n = N, .k = K };
	struct linear *linear = &stored;
	assert_ok(low_weights_new(&layer.weights, LOW_INT8, &linear, 1, (const size_t[]){ T, 1 }, NULL,
	                          &error));
	low_apply(out, &layer.rows, (struct row_tiles){ 1, T }, linear, LINEAR_SET, NULL);
	for (size_t i = 0; i < T * N; i++) {
		size_t row = i / N, n = i % N;
		const uint8_t *x = (const uint8_t *)layer.rows.values + row * K;
		double exact = 0, magnitude = 0;
		for (size_t k = 0; k < K; k++) {
			double product = (double)layer.rows.scales[row] * (x[k] - layer.rows.zeros[row]) *
			                 scales[n] * values[n * K + k];
			exact += product;
			magnitude += fabs(product);
		}
		assert_true(fabs(out[i] - exact) <= 1e-6 * magnitude);
	}
	layer_free(&layer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_comes_back_within_a_step),
		cmocka_unit_test(rows_of_nothing_and_of_no_numbers),
		cmocka_unit_test(weights_come_back_within_half_a_step),
		cmocka_unit_test(bf16_is_rounded_as_stored_tensors_are),
		cmocka_unit_test(products_are_within_the_bound_of_rounding),
		cmocka_unit_test(a_tile_does_not_depend_on_its_neighbours_or_the_threads),
		cmocka_unit_test(the_largest_products_do_not_saturate),
		cmocka_unit_test(activation_comes_behind_the_bias),
		cmocka_unit_test(a_row_without_numbers_gives_none),
		cmocka_unit_test(weights_of_a_file_in_int8_are_used_as_they_are),
		cmocka_unit_test(weights_in_blocks_are_those_in_rows),
		cmocka_unit_test(a_file_s_values_are_multiplied_even_where_none_is_large),
	};
	return cmocka_run_group_tests_name("low", tests, NULL, NULL);
}
