/* CLIP's ResNets: their configs, and the attention at their end. */
#include "test_resnet.h"

#include "nn/attention_pool.h"

#include <math.h>

static clipcls_error error;

static void configs_are_read_or_refused_by_name(void **state)
{
	static const struct {
		const char *vision;
		clipcls_status status;
		const char *message;
	} cases[] = {
		{ VISION, CLIPCLS_OK, "" },
		{ "{\"layers\":[1,2,1],\"width\":4}", CLIPCLS_ERR_FORMAT, "layers is not four" },
		{ "{\"layers\":[1,2,1,1,1],\"width\":4}", CLIPCLS_ERR_FORMAT, "layers is not four" },
		{ "{\"layers\":[1,2,1,-1],\"width\":4}", CLIPCLS_ERR_FORMAT, "layers is not four" },
		{ "{\"layers\":[1,2,0,1],\"width\":4}", CLIPCLS_ERR_FORMAT, "layers_3 of 0" },
		{ "{\"layers\":[1,2,1,1],\"width\":5}", CLIPCLS_ERR_FORMAT, "width 5 is not even" },
		{ "{\"layers\":[1,2,1,1],\"width\":65538}", CLIPCLS_ERR_FORMAT, "width is out of range" },
		{ "{\"layers\":[1,2,1,1],\"width\":4,\"head_width\":0}", CLIPCLS_ERR_FORMAT,
		  "head_width is out of range" },
		{ "{\"layers\":[1,2,1,1],\"width\":4,\"head_width\":129}", CLIPCLS_ERR_FORMAT,
		  "heads of 0" },
		{ "{\"layers\":[1,2,1,1],\"width\":4,\"head_width\":24}", CLIPCLS_ERR_FORMAT,
		  "128 features are not a multiple of 5 heads" },
		{ "{\"layers\":[1,2,1,1],\"width\":4,\"image_size\":48}", CLIPCLS_ERR_UNSUPPORTED,
		  "image_size 48 is not a multiple of 32" },
		{ "{\"layers\":[1,2,1,1],\"width\":4,\"image_size\":96,\"head_width\":16}",
		  CLIPCLS_ERR_FORMAT, "positional_embedding\" has shape" },
		{ "{\"layers\":[1,2,1,2],\"width\":4,\"image_size\":64,\"head_width\":16}",
		  CLIPCLS_ERR_FORMAT, "visual.layer4.1.conv1.weight\" is missing" },
		{ "{\"layers\":[1,1,1,1],\"width\":4,\"image_size\":64,\"head_width\":16}",
		  CLIPCLS_ERR_FORMAT, "is not one that the config calls for" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct checkpoint *checkpoint = NULL;
		char *directory = resnet_checkpoint(cases[i].vision);
		error.message[0] = '\0';
		assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), cases[i].status,
		             cases[i].message);
		checkpoint_free(checkpoint);
		fixture_remove(directory);
	}
}

/* ---- attention ------------------------------------------------------------------------------ */

enum { F = 128, H = 8, DH = F / H, T = 5, E = 5, N = 3 };

/* W x + b in double. W: (n, F). */
static void project(double *out, const double *x, const float *weight, const float *bias, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = bias[i];
		for (size_t j = 0; j < F; j++)
			out[i] += weight[i * F + j] * x[j];
	}
}

struct pool_weights {
	const float *positions, *weight[4], *bias[4]; /* q, k, v, c */
};

static struct pool_weights pool_weights(struct checkpoint *checkpoint)
{
	static const char names[] = "qkvc";
	struct pool_weights weights;
	struct weight_list list = { 0 };
	weight_want(&list, &weights.positions, "vision_model.attnpool.positional_embedding");
	for (size_t i = 0; i < 4; i++) {
		weight_want(&list, &weights.weight[i], "vision_model.attnpool.%c_proj.weight", names[i]);
		weight_want(&list, &weights.bias[i], "vision_model.attnpool.%c_proj.bias", names[i]);
	}
	assert_ok(weight_fetch(&list, checkpoint, NULL, &error));
	return weights;
}

/* Keys and values of every token. x: (T - 1, F). */
static void naive(double *out, const float *x, const struct pool_weights *w)
{
	static double tokens[T][F], k[T][F], v[T][F], q[F], mixed[F];
	for (size_t j = 0; j < F; j++) {
		tokens[0][j] = w->positions[j];
		for (size_t t = 1; t < T; t++) {
			tokens[0][j] += x[(t - 1) * F + j] / (T - 1.0);
			tokens[t][j] = (double)x[(t - 1) * F + j] + w->positions[t * F + j];
		}
		mixed[j] = 0;
	}
	project(q, tokens[0], w->weight[0], w->bias[0], F);
	for (size_t t = 0; t < T; t++) {
		project(k[t], tokens[t], w->weight[1], w->bias[1], F);
		project(v[t], tokens[t], w->weight[2], w->bias[2], F);
	}
	for (size_t first = 0; first < F; first += DH) {
		double scores[T], most = -INFINITY, sum = 0;
		for (size_t t = 0; t < T; t++) {
			scores[t] = 0;
			for (size_t j = first; j < first + DH; j++)
				scores[t] += q[j] * k[t][j] / sqrt(DH);
			most = fmax(most, scores[t]);
		}
		for (size_t t = 0; t < T; t++)
			sum += scores[t] = exp(scores[t] - most);
		for (size_t t = 0; t < T; t++)
			for (size_t j = first; j < first + DH; j++)
				mixed[j] += scores[t] / sum * v[t][j];
	}
	project(out, mixed, w->weight[3], w->bias[3], E);
}

/* Sums of 128 products, of 16 in a score, and a softmax of scores up to some tens: 1e-4 of it. */
static void attention_with_one_query_agrees_with_the_definition(void **state)
{
	struct checkpoint *checkpoint = NULL;
	struct attention_pool pooling = { .features = F, .heads = H, .tokens = T };
	struct pool *pool = NULL;
	struct arena arena;
	float out[N * E], alone[E], *x = random_floats(N * (T - 1) * F, 7);
	struct maps maps = { .data = x, .n = N, .height = 2, .width = 2, .channels = F };
	char *directory = resnet_checkpoint(VISION);
	(void)state;
	for (size_t i = 0; i < N * (T - 1) * F; i++)
		x[i] *= 0.1f;
	assert_ok(checkpoint_open(&checkpoint, directory, NULL, &error));
	assert_ok(pool_new(&pool, 3, &error));
	assert_ok(attention_pool_load(&pooling, E, "vision_model.attnpool.", checkpoint, pool, &error));
	assert_ok(arena_init(&arena, attention_pool_scratch(&pooling, N), &error));
	struct pool_weights weights = pool_weights(checkpoint);
	attention_pool_forward(out, &maps, &pooling, &arena, pool);
	maps.n = 1;
	for (size_t i = 0; i < N; i++, maps.data += (T - 1) * F) {
		double exact[E];
		naive(exact, maps.data, &weights);
		for (size_t j = 0; j < E; j++)
			if (!(fabs(out[i * E + j] - exact[j]) <= 1e-4 * fabs(exact[j])))
				fail_msg("picture %zu: %g is not %g", i, out[i * E + j], exact[j]);
		attention_pool_forward(alone, &maps, &pooling, &arena, NULL);
		assert_memory_equal(alone, out + i * E, sizeof alone);
	}
	arena_free(&arena);
	attention_pool_free(&pooling);
	pool_free(pool);
	checkpoint_free(checkpoint);
	fixture_remove(directory);
	free(x);
}

/* Its positions are for open_clip's vision transformer, which has patches. */
static void weights_of_a_vision_transformer_are_refused(void **state)
{
	struct checkpoint *checkpoint = NULL;
	char *directory = openclip_checkpoint(), text[1000];
	(void)state;
	snprintf(text, sizeof text, resnet_format, VISION);
	fixture_write_text(directory, "open_clip_config.json", text);
	assert_error(checkpoint_open(&checkpoint, directory, NULL, &error), CLIPCLS_ERR_FORMAT,
	             "tensor \"visual.");
	fixture_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configs_are_read_or_refused_by_name),
		cmocka_unit_test(attention_with_one_query_agrees_with_the_definition),
		cmocka_unit_test(weights_of_a_vision_transformer_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
