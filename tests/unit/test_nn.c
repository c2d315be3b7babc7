#include "unit.h"

#include "random.h"

#include "base/memory.h"
#include "base/pool.h"
#include "nn/attention.h"
#include "nn/dot_rows.h"
#include "nn/linear.h"
#include "nn/math_inline.h"
#include "nn/ops.h"
#include "nn/transpose.h"
#include "text/prompt_rows.h"

#include <math.h>
#include <stdlib.h>

static clipcls_error error;

static void exp_and_erf_are_within_their_stated_error(void **state)
{
	(void)state;
	for (double x = -86; x < 88; x += 0.0137) {
		double exact = exp((float)x);
		assert_true(fabs(exp_approx((float)x) - exact) <= 2e-7 * exact);
	}
	for (double x = -6; x < 6; x += 0.00037)
		assert_true(fabs(erf_approx((float)x) - erf((float)x)) <= 2e-7);
}

static double exact_activation(enum activation activation, double x)
{
	switch (activation) {
	case ACTIVATION_QUICK_GELU: return x / (1 + exp(-1.702 * x));
	case ACTIVATION_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
	case ACTIVATION_GELU_TANH:
		return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
	case ACTIVATION_RELU: return x > 0 ? x : 0;
	case ACTIVATION_SILU: return x / (1 + exp(-x));
	}
	return 0;
}

static void activations_agree_with_libm(void **state)
{
	(void)state;
	for (int kind = 0; activation_words[kind] != NULL; kind++) {
		for (double x = -20; x < 20; x += 0.0031) {
			float y = (float)x;
			activate(&y, (enum activation)kind, 1, 1, 1);
			double bound = 4e-7 * (fabs(x) > 1 ? fabs(x) : 1);
			assert_true(fabs(y - exact_activation((enum activation)kind, (float)x)) <= bound);
		}
	}
}

static void activation_keeps_to_its_columns(void **state)
{
	float x[6] = { 1, 1, 7, 1, 1, 7 };
	(void)state;
	activate(x, ACTIVATION_GELU, 2, 2, 3);
	assert_true(x[2] == 7 && x[5] == 7 && x[3] == x[0] && x[0] < 0.85f);
}

static void softmax_sums_to_one_for_huge_logits(void **state)
{
	float x[4] = { 1e4f, 1e4f - 1, -1e4f, 0 };
	(void)state;
	softmax_rows(x, 1, 4, 100.0f);
	assert_true(fabsf(x[0] + x[1] + x[2] + x[3] - 1) < 1e-6f);
	assert_true(x[0] > 0.999f);
}

static void layernorm_gives_mean_bias_and_deviation_weight(void **state)
{
	enum { D = 37 };
	float *x = random_floats(D, 1), weight[D], bias[D];
	double mean = 0, square = 0;
	(void)state;
	for (size_t i = 0; i < D; i++) {
		x[i] = 1000 + 3 * x[i]; /* a large mean: the naive formula would lose all digits */
		weight[i] = 2;
		bias[i] = 5;
	}
	layernorm(x, x, weight, bias, 1, D, 1e-5);
	for (size_t i = 0; i < D; i++)
		mean += x[i] / D;
	for (size_t i = 0; i < D; i++)
		square += (x[i] - mean) * (x[i] - mean) / D;
	assert_true(fabs(mean - 5) < 1e-3 && fabs(sqrt(square) - 2) < 1e-3);
	free(x);
}

/* Exactness here is what lets output bytes not change with -j, the batch or the neighbours. */
static void a_tile_does_not_depend_on_its_neighbours_or_the_threads(void **state)
{
	static const size_t shapes[][2] = {
		{ 64, 48 }, { 144, 576 }, { 512, 64 }, { 768, 768 }, { 600, 3072 }
	};
	static const size_t tile_rows[] = { 1, 5, 50, 65 }, tile_counts[] = { 70, 9, 3, 3 };
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (size_t i = 0; i < 5 * 4; i++) {
		size_t N = shapes[i / 4][0], K = shapes[i / 4][1], T = tile_rows[i % 4];
		size_t tiles = tile_counts[i % 4];
		float *weight = random_floats(N * K, 1), *bias = random_floats(N, 2);
		float *x = random_floats(tiles * T * K, 3);
		float *all = random_floats(tiles * T * N, 4), *some = random_floats(tiles * T * N, 5);
		struct linear linear = { .weight = weight, .bias = bias, .n = N, .k = K };
		linear_apply(all, x, (struct row_tiles){ tiles, T }, &linear, LINEAR_SET, NULL);
		for (size_t count = 1; count < tiles; count += 1 + count / 2) {
			size_t first = (tiles - count) * T;
			linear_apply(some, x + first * K, (struct row_tiles){ count, T }, &linear, LINEAR_SET,
			             count % 2 ? pool : NULL);
			assert_memory_equal(some, all + first * N, count * T * N * sizeof *some);
		}
		free(weight);
		free(bias);
		free(x);
		free(all);
		free(some);
	}
	pool_free(pool);
}

static void layers_in_one_go_are_the_same_as_one_by_one(void **state)
{
	enum { LAYERS = 3, N = 144, K = 96, ROWS = 7 };
	struct pool *pool = NULL;
	struct linear linears[LAYERS];
	struct linear_output outputs[LAYERS];
	float *x = random_floats(ROWS * K, 1), *alone = random_floats(ROWS * N, 2);
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	for (uint32_t i = 0; i < LAYERS; i++) {
		linears[i] = (struct linear){
			.weight = random_floats(N * K, 3 + i), .bias = random_floats(N, 7 + i), .n = N, .k = K
		};
		outputs[i] = (struct linear_output){ random_floats(ROWS * N, 2), &linears[i] };
	}
	linear_apply_all(outputs, LAYERS, x, (struct row_tiles){ 1, ROWS }, pool);
	for (size_t i = 0; i < LAYERS; i++) {
		linear_apply(alone, x, (struct row_tiles){ 1, ROWS }, &linears[i], LINEAR_SET, NULL);
		assert_memory_equal(alone, outputs[i].out, ROWS * N * sizeof *alone);
		free((void *)(uintptr_t)linears[i].weight);
		free((void *)(uintptr_t)linears[i].bias);
		free(outputs[i].out);
	}
	free(x);
	free(alone);
	pool_free(pool);
}

/* Sizes around those of a tile, a vector and a panel; elements between the strides are left. */
static void every_version_of_the_product_is_within_rounding_of_the_exact_one(void **state)
{
	static const size_t ms[] = { 1, 3, 4, 67 }, ns[] = { 1, 4, 6 }, ks[] = { 5, 8, 16, 39 };
	enum { STRIDE = 40 };
	float *a = random_floats(67 * STRIDE, 1), *b = random_floats(6 * STRIDE, 2);
	float *before = random_floats(67 * STRIDE, 3), *c = random_floats(67 * STRIDE, 4);
	(void)state;
	for (size_t i = 0; dot_rows_version(i) != NULL; i++) {
		for (size_t shape = 0; shape < 4 * 3 * 4 * 2; shape++) {
			size_t m = ms[shape % 4], n = ns[shape / 4 % 3], k = ks[shape / 12 % 4];
			struct blas_product product = { .c = c,
				                            .c_stride = STRIDE,
				                            .a = a,
				                            .a_stride = STRIDE,
				                            .b = b,
				                            .b_stride = STRIDE,
				                            .m = m,
				                            .n = n,
				                            .k = k,
				                            .accumulate = shape / 48 == 1 };
			memcpy(c, before, 67 * STRIDE * sizeof *c);
			dot_rows_version(i)(&product);
			for (size_t place = 0; place < 67 * STRIDE; place++) {
				size_t row = place / STRIDE, column = place % STRIDE;
				double exact = before[place];
				if (row < m && column < n) {
					exact = product.accumulate ? exact : 0;
					for (size_t j = 0; j < k; j++)
						exact += (double)a[row * STRIDE + j] * b[column * STRIDE + j];
				}
				/* k products of numbers up to 1 */
				assert_true(fabs(c[place] - exact) <= 2e-7 * (double)k);
			}
		}
	}
	free(a);
	free(b);
	free(before);
	free(c);
}

static void transposing_fits_every_size(void **state)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 16, 25, 64, 70 };
	enum { SIDE = 80 };
	static float in[SIDE * SIDE], out[SIDE * SIDE];
	(void)state;
	for (size_t i = 0; i < SIDE * SIDE; i++)
		in[i] = (float)i;
	for (size_t shape = 0; shape < 64; shape++) {
		size_t rows = sizes[shape / 8], columns = sizes[shape % 8];
		memset(out, 0, sizeof out);
		transpose(out, SIDE, in, SIDE, rows, columns);
		for (size_t row = 0; row < SIDE; row++)
			for (size_t column = 0; column < SIDE; column++)
				assert_true(out[column * SIDE + row] ==
				            (row < rows && column < columns ? in[row * SIDE + column] : 0));
	}
}

static void linear_adds_onto_a_residual(void **state)
{
	float weight[6] = { 1, 2, 3, 4, 5, 6 }, bias[2] = { 10, 20 };
	float x[3] = { 1, 0, -1 }, out[2] = { 100, 200 };
	struct linear linear = { .weight = weight, .bias = bias, .n = 2, .k = 3 };
	(void)state;
	linear_apply(out, x, (struct row_tiles){ 1, 1 }, &linear, LINEAR_ADD, NULL);
	assert_true(out[0] == 100 + 10 - 2 && out[1] == 200 + 20 - 2);
}

/* Softmax-weighted mean over the rows that `row` sees, in double. */
static void exact_attention(double *out, const float *q, const float *k, const float *v,
                            const uint32_t *seen, size_t n, size_t D, size_t Dh, size_t head)
{
	double weights[64], sum = 0;
	for (size_t j = 0; j < n; j++) {
		weights[j] = 0;
		for (size_t i = 0; i < Dh; i++)
			weights[j] += (double)q[head * Dh + i] * k[seen[j] * D + head * Dh + i];
		weights[j] = exp(weights[j] / sqrt((double)Dh));
		sum += weights[j];
	}
	for (size_t i = 0; i < Dh; i++) {
		out[i] = 0;
		for (size_t j = 0; j < n; j++)
			out[i] += weights[j] / sum * v[seen[j] * D + head * Dh + i];
	}
}

enum { D = 40, H = 2, DH = 20 };

static void check_attention(const struct attention_rows *rows, const uint32_t *query_rows,
                            size_t queries, const uint32_t *seen, const size_t *seen_count)
{
	float *q = random_floats(queries * D, 1), *k = random_floats(rows->count * D, 2);
	float *v = random_floats(rows->count * D, 3), *out = random_floats(queries * D, 4);
	float *scratch = memory_floats(attention_scratch(rows, DH, 1));
	double exact[DH];
	attention(out, q, k, v, rows, query_rows, queries, D, H, scratch, NULL);
	for (size_t query = 0; query < queries; query++) {
		for (size_t head = 0; head < H; head++) {
			exact_attention(exact, q + query * D, k, v, seen + query * 16, seen_count[query], D, DH,
			                head);
			for (size_t i = 0; i < DH; i++)
				assert_true(fabs(out[query * D + head * DH + i] - exact[i]) < 1e-6);
		}
	}
	free(q);
	free(k);
	free(v);
	free(out);
	free(scratch);
}

static void attention_sees_the_whole_sequence_and_no_other(void **state)
{
	struct attention_rows rows = { .count = 10, .tokens = 5 };
	uint32_t seen[10 * 16], seen_one[2 * 16];
	size_t counts[10];
	static const uint32_t firsts[2] = { 0, 5 };
	(void)state;
	for (uint32_t row = 0; row < 10; row++) {
		counts[row] = 5;
		for (uint32_t j = 0; j < 5; j++)
			seen[row * 16 + j] = row / 5 * 5 + j;
	}
	check_attention(&rows, NULL, 10, seen, counts);
	memcpy(seen_one, seen, 16 * sizeof *seen);
	memcpy(seen_one + 16, seen + 5 * 16, 16 * sizeof *seen);
	check_attention(&rows, firsts, 2, seen_one, counts);
}

static void attention_in_a_forest_sees_ancestors_alone(void **state)
{
	/* 0-1-2, 1-3, 4-5 */
	static const uint32_t parents[6] = { ATTENTION_ROOT, 0, 1, 1, ATTENTION_ROOT, 4 };
	struct attention_rows rows = { .count = 6, .parents = parents, .max_depth = 3 };
	static const uint32_t seen[6][16] = {
		{ 0 }, { 0, 1 }, { 0, 1, 2 }, { 0, 1, 3 }, { 4 }, { 4, 5 }
	};
	static const size_t counts[6] = { 1, 2, 3, 3, 1, 2 };
	static const uint32_t queries[2] = { 3, 5 };
	static const uint32_t seen_some[2][16] = { { 0, 1, 3 }, { 4, 5 } };
	static const size_t counts_some[2] = { 3, 2 };
	(void)state;
	check_attention(&rows, NULL, 6, seen[0], counts);
	check_attention(&rows, queries, 2, seen_some[0], counts_some);
}

static void trie_computes_every_distinct_prefix_once(void **state)
{
	static const int32_t ids[4][4] = { { 9, 1, 2, 3 }, { 9, 1, 5 }, { 9, 1, 2, 3 }, { 9, 1 } };
	const struct prompt prompts[4] = {
		{ ids[0], 4, 3 }, { ids[1], 3, 2 }, { ids[2], 4, 3 }, { ids[3], 2, 1 }
	};
	size_t order[4], used;
	uint32_t end_of[4];
	struct prompt_rows trie;
	(void)state;
	assert_ok(prompt_sort(order, prompts, 4, &error));
	assert_int_equal(order[0], 3);
	assert_ok(prompt_trie_build(&trie, &used, end_of, prompts, order, 4, 100, &error));
	assert_int_equal(used, 4);
	assert_int_equal(trie.count, 5); /* 9 1 2 3 5 */
	assert_int_equal(trie.end_count, 3);
	for (size_t i = 0; i < 4; i++) {
		const struct prompt *prompt = &prompts[order[i]];
		uint32_t row = trie.ends[end_of[i]];
		for (size_t j = prompt->count; j-- > 0; row = trie.parents[row]) {
			assert_int_equal(trie.ids[row], prompt->ids[j]);
			assert_int_equal(trie.depths[row], j);
		}
		assert_int_equal(row, ATTENTION_ROOT);
	}
	prompt_rows_free(&trie);
	assert_ok(prompt_trie_build(&trie, &used, end_of, prompts, order, 4, 4, &error));
	assert_int_equal(used, 3); /* 9 1 | 9 1 2 3 twice; 5 does not fit */
	prompt_rows_free(&trie);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exp_and_erf_are_within_their_stated_error),
		cmocka_unit_test(activations_agree_with_libm),
		cmocka_unit_test(activation_keeps_to_its_columns),
		cmocka_unit_test(softmax_sums_to_one_for_huge_logits),
		cmocka_unit_test(layernorm_gives_mean_bias_and_deviation_weight),
		cmocka_unit_test(a_tile_does_not_depend_on_its_neighbours_or_the_threads),
		cmocka_unit_test(layers_in_one_go_are_the_same_as_one_by_one),
		cmocka_unit_test(every_version_of_the_product_is_within_rounding_of_the_exact_one),
		cmocka_unit_test(transposing_fits_every_size),
		cmocka_unit_test(linear_adds_onto_a_residual),
		cmocka_unit_test(attention_sees_the_whole_sequence_and_no_other),
		cmocka_unit_test(attention_in_a_forest_sees_ancestors_alone),
		cmocka_unit_test(trie_computes_every_distinct_prefix_once),
	};
	return cmocka_run_group_tests_name("nn", tests, NULL, NULL);
}
