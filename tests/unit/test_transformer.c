/* Transformer blocks with every part that a config can ask for, against the formulas in double
 * precision. TOLERANCE: float32 sums of up to 20 products, through two blocks; a parameter left out
 * changes some result by more than 1e-3. */
#include "unit.h"

#include "random.h"

#include "nn/transformer.h"

#include <math.h>
#include <stdlib.h>

#define TOLERANCE 2e-5

/* A 3 x 3 grid behind a class token. */
enum { SIDE = 3, T = 1 + SIDE * SIDE, SEQUENCES = 2, R = SEQUENCES * T };
enum { D = 16, H = 2, Dh = D / H, F = 20, LAYERS = 2 };
#define REFERENCE_SIDE 16
#define EPS 1e-3 /* large, so that it matters */

static clipcls_error error;

/* ---- a stack of blocks ---------------------------------------------------------------------- */

/* Every array of a block, and its length. */
struct parameter {
	const float **place;
	size_t size;
};
enum { PARAMETERS = 22 };

static size_t parameters_of(struct parameter out[PARAMETERS], struct block *block,
                            const struct transformer_config *config)
{
	struct parameter *next = out;
	struct linear *const linears[] = { &block->q,   &block->k,   &block->v,   &block->out,
		                               &block->fc1, &block->fc2, &block->gate };
	struct norm *const norms[] = { &block->ln_1, &block->ln_2, &block->attention_norm,
		                           &block->mlp_norm };
	const bool has_norm[] = { true, true, config->attention_norm, config->mlp_norm };
	for (size_t i = 0; i < (config->gated_mlp ? 7 : 6); i++) {
		*next++ = (struct parameter){ &linears[i]->weight, linears[i]->n * linears[i]->k };
		if (linears[i] != &block->k || !config->no_key_bias)
			*next++ = (struct parameter){ &linears[i]->bias, linears[i]->n };
	}
	for (size_t i = 0; i < 4; i++) {
		if (!has_norm[i])
			continue;
		*next++ = (struct parameter){ &norms[i]->weight, i == 3 ? F : D };
		*next++ = (struct parameter){ &norms[i]->bias, i == 3 ? F : D };
	}
	return (size_t)(next - out);
}

static struct transformer make(const struct transformer_config *parts, bool rotated)
{
	struct transformer made = { .config = *parts };
	struct parameter parameters[PARAMETERS];
	made.config.width = D;
	made.config.layers = LAYERS;
	made.config.heads = H;
	made.config.mlp_width = F;
	made.config.layer_norm_eps = EPS;
	made.blocks = memory_new(LAYERS, sizeof *made.blocks);
	for (size_t i = 0; i < LAYERS; i++) {
		struct block *block = &made.blocks[i];
		block->q = block->k = block->v = block->out = (struct linear){ .n = D, .k = D };
		block->fc1 = block->gate = (struct linear){ .n = F, .k = D };
		block->fc2 = (struct linear){ .n = D, .k = F };
		size_t count = parameters_of(parameters, block, &made.config);
		for (size_t p = 0; p < count; p++)
			*parameters[p].place = random_floats(parameters[p].size, (uint32_t)(100 * i + p + 1));
	}
	if (rotated)
		assert_ok(rotary_init(&made.rotary, SIDE, REFERENCE_SIDE, 1, Dh, &error));
	return made;
}

static void unmake(struct transformer *made)
{
	struct parameter parameters[PARAMETERS];
	for (size_t i = 0; i < LAYERS; i++) {
		size_t count = parameters_of(parameters, &made->blocks[i], &made->config);
		for (size_t p = 0; p < count; p++)
			free((void *)(uintptr_t)*parameters[p].place);
	}
	transformer_free(made);
}

/* x: (R, D) -> what is left in it; keep: as transformer_forward. */
static void forward(float *x, const struct transformer *transformer, const uint32_t *keep)
{
	const struct attention_rows rows = { .count = R, .tokens = T };
	struct arena arena;
	assert_ok(arena_init(&arena, transformer_scratch(transformer, &rows, 1), &error));
	transformer_forward(x, transformer, &rows, keep, SEQUENCES, &arena, NULL);
	arena_free(&arena);
}

/* ---- the formulas --------------------------------------------------------------------------- */

static void plain_linear(double *out, const double *x, const struct linear *linear)
{
	for (size_t n = 0; n < linear->n; n++) {
		out[n] = linear->bias != NULL ? linear->bias[n] : 0;
		for (size_t k = 0; k < linear->k; k++)
			out[n] += x[k] * linear->weight[n * linear->k + k];
	}
}

static void plain_norm(double *out, const double *x, const struct norm *norm, size_t n)
{
	double mean = 0, variance = 0;
	for (size_t i = 0; i < n; i++)
		mean += x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		variance += (x[i] - mean) * (x[i] - mean) / (double)n;
	for (size_t i = 0; i < n; i++)
		out[i] = (x[i] - mean) / sqrt(variance + EPS) * norm->weight[i] + norm->bias[i];
}

static double plain_activation(double x, enum activation activation)
{
	return activation == ACTIVATION_SILU ? x / (1 + exp(-x)) : 0.5 * x * (1 + erf(x / sqrt(2)));
}

/* A patch's row turns the first half of a head's pairs, its column the second. */
static void plain_rotation(double *x, size_t token)
{
	for (size_t pair = 0; token > 0 && pair < D / 2; pair++) {
		size_t in_head = pair % (Dh / 2), bands = Dh / 4, patch = token - 1;
		double place = (double)(in_head < bands ? patch / SIDE : patch % SIDE);
		double angle =
		    place * REFERENCE_SIDE / SIDE * pow(10000, -(double)(in_head % bands) / (double)bands);
		double a = x[2 * pair], b = x[2 * pair + 1];
		x[2 * pair] = a * cos(angle) - b * sin(angle);
		x[2 * pair + 1] = a * sin(angle) + b * cos(angle);
	}
}

/* out: (T, D) = attention of one sequence. */
static void plain_attention(double (*out)[D], double (*q)[D], double (*k)[D], double (*v)[D])
{
	memset(out, 0, T * sizeof *out);
	for (size_t i = 0; i < T; i++) {
		for (size_t head = 0; head < H; head++) {
			double powers[T], sum = 0;
			for (size_t j = 0; j < T; j++) {
				double product = 0;
				for (size_t d = head * Dh; d < (head + 1) * Dh; d++)
					product += q[i][d] * k[j][d];
				powers[j] = exp(product / sqrt(Dh));
				sum += powers[j];
			}
			for (size_t j = 0; j < T; j++)
				for (size_t d = head * Dh; d < (head + 1) * Dh; d++)
					out[i][d] += powers[j] / sum * v[j][d];
		}
	}
}

static void plain_mlp(double *out, const double *h, const struct block *block,
                      const struct transformer_config *config)
{
	double inner[F], gate[F];
	plain_linear(inner, h, &block->fc1);
	if (config->gated_mlp)
		plain_linear(gate, h, &block->gate);
	for (size_t i = 0; i < F; i++)
		inner[i] = config->gated_mlp ? plain_activation(gate[i], config->activation) * inner[i]
		                             : plain_activation(inner[i], config->activation);
	if (config->mlp_norm)
		plain_norm(inner, inner, &block->mlp_norm, F);
	plain_linear(out, inner, &block->fc2);
}

/* x += part, or x += norm(part). */
static void plain_residual(double *x, double *part, const struct norm *norm,
                           const struct transformer_config *config)
{
	if (config->residual_post_norm)
		plain_norm(part, part, norm, D);
	for (size_t d = 0; d < D; d++)
		x[d] += part[d];
}

/* x: (T, D), one sequence, in place. */
static void plain_block(double (*x)[D], const struct block *block,
                        const struct transformer *transformer)
{
	const struct transformer_config *config = &transformer->config;
	double q[T][D], k[T][D], v[T][D], h[T][D], part[D];
	memcpy(h, x, sizeof h);
	for (size_t i = 0; i < T; i++) {
		if (!config->residual_post_norm)
			plain_norm(h[i], x[i], &block->ln_1, D);
		plain_linear(q[i], h[i], &block->q);
		plain_linear(k[i], h[i], &block->k);
		plain_linear(v[i], h[i], &block->v);
		if (transformer->rotary.cosines != NULL) {
			plain_rotation(q[i], i);
			plain_rotation(k[i], i);
		}
	}
	plain_attention(h, q, k, v);
	for (size_t i = 0; i < T; i++) {
		if (config->attention_norm)
			plain_norm(h[i], h[i], &block->attention_norm, D);
		plain_linear(part, h[i], &block->out);
		plain_residual(x[i], part, &block->ln_1, config);
		memcpy(h[i], x[i], sizeof h[i]);
		if (!config->residual_post_norm)
			plain_norm(h[i], x[i], &block->ln_2, D);
		plain_mlp(part, h[i], block, config);
		plain_residual(x[i], part, &block->ln_2, config);
	}
}

/* ---- tests ---------------------------------------------------------------------------------- */

static const struct variant {
	struct transformer_config parts;
	bool rotated;
} variants[] = {
	{ { .activation = ACTIVATION_GELU }, false },                      /* CLIP's */
	{ { .activation = ACTIVATION_GELU, .no_key_bias = true }, false }, /* EVA's */
	{ { .activation = ACTIVATION_GELU, .no_key_bias = true, .residual_post_norm = true }, false },
	{ { .activation = ACTIVATION_SILU,
	    .no_key_bias = true,
	    .gated_mlp = true,
	    .attention_norm = true,
	    .mlp_norm = true },
	  true }, /* EVA-02's */
	{ { .activation = ACTIVATION_SILU, .gated_mlp = true, .residual_post_norm = true }, true },
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static double largest_difference(const float *x, const double *expected, size_t n)
{
	double largest = 0;
	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs(x[i] - expected[i]) / fmax(1, fabs(expected[i])));
	return largest;
}

static void blocks_are_what_the_formulas_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < VARIANTS; i++) {
		struct transformer transformer = make(&variants[i].parts, variants[i].rotated);
		float *x = random_floats(R * D, 7);
		double expected[SEQUENCES][T][D];
		for (size_t j = 0; j < R * D; j++)
			(&expected[0][0][0])[j] = x[j];
		for (size_t layer = 0; layer < LAYERS; layer++)
			for (size_t s = 0; s < SEQUENCES; s++)
				plain_block(expected[s], &transformer.blocks[layer], &transformer);
		forward(x, &transformer, NULL);
		double difference = largest_difference(x, &expected[0][0][0], R * D);
		if (difference > TOLERANCE)
			fail_msg("variant %zu: %g", i, difference);
		free(x);
		unmake(&transformer);
	}
}

/* The kept rows are a class token and a patch. */
static void the_last_block_computes_wanted_rows_alone(void **state)
{
	static const uint32_t keep[][SEQUENCES] = { { 0, T }, { 5, T + 2 } };
	(void)state;
	for (size_t i = 0; i < VARIANTS * 2; i++) {
		const struct variant *variant = &variants[i / 2];
		struct transformer transformer = make(&variant->parts, variant->rotated);
		float *x = random_floats(R * D, 8), *y = random_floats(R * D, 8);
		forward(x, &transformer, NULL);
		forward(y, &transformer, keep[i % 2]);
		for (size_t row = 0; row < SEQUENCES; row++)
			for (size_t d = 0; d < D; d++)
				assert_true(fabsf(y[row * D + d] - x[keep[i % 2][row] * D + d]) <= TOLERANCE);
		free(x);
		free(y);
		unmake(&transformer);
	}
}

static void every_parameter_matters(void **state)
{
	(void)state;
	for (size_t i = 0; i < VARIANTS; i++) {
		struct transformer transformer = make(&variants[i].parts, variants[i].rotated);
		struct parameter parameters[PARAMETERS];
		size_t count = parameters_of(parameters, &transformer.blocks[0], &transformer.config);
		float *expected = random_floats(R * D, 9),
		      *zeros = memory_new(D * D + D * F, sizeof *zeros);
		forward(expected, &transformer, NULL);
		for (size_t p = 0; p < count; p++) {
			const float *kept = *parameters[p].place;
			float *x = random_floats(R * D, 9), largest = 0;
			*parameters[p].place = zeros;
			forward(x, &transformer, NULL);
			*parameters[p].place = kept;
			for (size_t j = 0; j < R * D; j++)
				largest = fmaxf(largest, fabsf(x[j] - expected[j]));
			/* Without rotations a bias of the keys adds the same to all of a row's products. */
			bool moot =
			    parameters[p].place == &transformer.blocks[0].k.bias && !variants[i].rotated;
			if ((largest > 1e-3f) == moot)
				fail_msg("variant %zu, parameter %zu: %g", i, p, (double)largest);
			free(x);
		}
		free(expected);
		free(zeros);
		unmake(&transformer);
	}
}

/* A grid twice as fine spans the same positions: every second patch turns as far. */
static void rotations_span_the_reference_grid(void **state)
{
	struct rotary coarse = { 0 }, fine = { 0 };
	float x[Dh], y[Dh];
	(void)state;
	assert_ok(rotary_init(&coarse, SIDE, REFERENCE_SIDE, 1, Dh, &error));
	assert_ok(rotary_init(&fine, 2 * SIDE, REFERENCE_SIDE, 0, Dh, &error));
	for (uint32_t patch = 0; patch < SIDE * SIDE; patch++) {
		uint32_t places[] = { 1 + patch, 2 * (patch / SIDE) * 2 * SIDE + 2 * (patch % SIDE) };
		for (size_t i = 0; i < Dh; i++)
			x[i] = y[i] = (float)i - 3;
		rotary_apply(x, &coarse, &places[0], 1, 1);
		rotary_apply(y, &fine, &places[1], 1, 1);
		for (size_t i = 0; i < Dh; i++)
			assert_true(fabsf(x[i] - y[i]) <= 1e-5f);
	}
	rotary_free(&coarse);
	rotary_free(&fine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_what_the_formulas_say),
		cmocka_unit_test(the_last_block_computes_wanted_rows_alone),
		cmocka_unit_test(every_parameter_matters),
		cmocka_unit_test(rotations_span_the_reference_grid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
