/* Attention within shifted windows, patch by patch, and the configs of towers that have it. */
#include "test_model.h"

#include "random.h"

#include "model/config_check.h"
#include "model/single.h"
#include "nn/window_attention.h"

#include <math.h>

static clipcls_error error;

/* ---- attention ------------------------------------------------------------------------------ */

/* N pictures of G*G patches, w a window's side, D width, H heads. */
struct grid {
	size_t N, G, w, shift, D, H;
};

static const struct grid grids[] = {
	{ 1, 14, 7, 0, 64, 2 },  { 2, 14, 7, 3, 64, 2 }, { 1, 21, 7, 3, 96, 3 }, { 2, 8, 4, 2, 24, 4 },
	{ 1, 24, 12, 6, 32, 1 }, { 3, 6, 2, 1, 10, 2 },  { 2, 5, 5, 0, 12, 3 },
};

/* The region of timm's img_mask that a patch of the shifted picture is in. */
static size_t region_of(size_t place, const struct grid *g)
{
	return place < g->G - g->w ? 0 : place < g->G - g->shift ? 1 : 2;
}

/* One head of one patch, by what the paper says: out (Dh). Coordinates are the shifted picture's.
 * q, k, v: (N, G*G, D) in the picture's own order. */
static void attend_patch(double *out, const struct grid *g, const float *q, const float *k,
                         const float *v, const float *table, size_t n, size_t y, size_t x,
                         size_t head)
{
	size_t G = g->G, w = g->w, D = g->D, Dh = D / g->H, patches = G * G;
	double weights[144], sum = 0;
	size_t rows[144];
	const float *query =
	    q + (n * patches + (y + g->shift) % G * G + (x + g->shift) % G) * D + head * Dh;
	for (size_t j = 0; j < w * w; j++) {
		size_t yj = y / w * w + j / w, xj = x / w * w + j % w;
		size_t position = (y - yj + w - 1) * (2 * w - 1) + (x - xj + w - 1);
		rows[j] = n * patches + (yj + g->shift) % G * G + (xj + g->shift) % G;
		double score = 0;
		for (size_t i = 0; i < Dh; i++)
			score += (double)query[i] * k[rows[j] * D + head * Dh + i];
		score = score / sqrt((double)Dh) + table[position * g->H + head];
		if (g->shift > 0 &&
		    (region_of(y, g) != region_of(yj, g) || region_of(x, g) != region_of(xj, g)))
			score -= 100;
		weights[j] = exp(score);
		sum += weights[j];
	}
	for (size_t i = 0; i < Dh; i++) {
		out[i] = 0;
		for (size_t j = 0; j < w * w; j++)
			out[i] += weights[j] / sum * v[rows[j] * D + head * Dh + i];
	}
}

/* q, k, v and the table of a grid; windows' rows of the first three. */
struct fixture {
	float *q, *k, *v, *table, *windows[3], *bias, *masks, *out;
	uint32_t *map;
	size_t rows;
};

static void set_up(struct fixture *f, const struct grid *g)
{
	size_t patches = g->G * g->G, T = g->w * g->w, positions = 2 * g->w - 1;
	f->rows = g->N * patches;
	f->q = random_floats(f->rows * g->D, 1);
	f->k = random_floats(f->rows * g->D, 2);
	f->v = random_floats(f->rows * g->D, 3);
	f->table = random_floats(positions * positions * g->H, 4);
	f->out = memory_floats(f->rows * g->D);
	f->map = memory_new(patches, sizeof *f->map);
	f->bias = memory_floats(g->H * T * window_pitch(g->w));
	f->masks = memory_floats(WINDOW_MASKS * T * window_pitch(g->w));
	window_map_fill(f->map, g->G, g->w, g->shift);
	window_bias_fill(f->bias, f->table, g->w, g->H);
	window_masks_fill(f->masks, g->w, g->shift);
	const float *all[3] = { f->q, f->k, f->v };
	for (size_t i = 0; i < 3; i++) {
		f->windows[i] = memory_floats(f->rows * g->D);
		for (size_t row = 0; row < f->rows; row++)
			memcpy(f->windows[i] + row * g->D,
			       all[i] + (row / patches * patches + f->map[row % patches]) * g->D,
			       g->D * sizeof(float));
	}
}

static void tear_down(struct fixture *f)
{
	for (size_t i = 0; i < 3; i++)
		free(f->windows[i]);
	free(f->q);
	free(f->k);
	free(f->v);
	free(f->table);
	free(f->out);
	free(f->map);
	free(f->bias);
	free(f->masks);
}

static void run(float *out, const struct fixture *f, const struct grid *g, size_t first,
                size_t count, struct pool *pool)
{
	size_t T = g->w * g->w, skip = first * T * g->D;
	const struct window_attention attention = { .bias = f->bias,
		                                        .masks = g->shift > 0 ? f->masks : NULL,
		                                        .window = g->w,
		                                        .per_side = g->G / g->w,
		                                        .D = g->D,
		                                        .H = g->H };
	float *scratch = memory_floats(window_attention_scratch(g->w, g->D / g->H, pool_threads(pool)));
	window_attention(out + skip, f->windows[0] + skip, f->windows[1] + skip, f->windows[2] + skip,
	                 first, count, &attention, scratch, pool);
	free(scratch);
}

/* Tolerance: 1e-5, sums of up to 144 products of numbers below one in float. */
static void every_patch_attends_to_its_window_and_its_region(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
		const struct grid *g = &grids[i];
		size_t patches = g->G * g->G, Dh = g->D / g->H;
		struct fixture f;
		double wanted[64];
		set_up(&f, g);
		run(f.out, &f, g, 0, f.rows / (g->w * g->w), NULL);
		for (size_t row = 0; row < f.rows; row++) {
			size_t patch = f.map[row % patches];
			size_t y = (patch / g->G + g->G - g->shift) % g->G,
			       x = (patch % g->G + g->G - g->shift) % g->G;
			for (size_t head = 0; head < g->H; head++) {
				attend_patch(wanted, g, f.q, f.k, f.v, f.table, row / patches, y, x, head);
				for (size_t j = 0; j < Dh; j++)
					assert_true(fabs(f.out[row * g->D + head * Dh + j] - wanted[j]) < 1e-5);
			}
		}
		tear_down(&f);
	}
}

static void a_window_does_not_depend_on_the_others_or_the_threads(void **state)
{
	const struct grid *g = &grids[2];
	struct fixture f;
	struct pool *pool = NULL;
	(void)state;
	assert_ok(pool_new(&pool, 3, &error));
	set_up(&f, g);
	size_t windows = f.rows / (g->w * g->w);
	float *whole = memory_floats(f.rows * g->D);
	run(whole, &f, g, 0, windows, NULL);
	for (size_t first = 0; first < windows; first += 2)
		run(f.out, &f, g, first, first + 2 <= windows ? 2 : 1, pool);
	assert_memory_equal(f.out, whole, f.rows * g->D * sizeof *whole);
	free(whole);
	tear_down(&f);
	pool_free(pool);
}

/* ---- configs -------------------------------------------------------------------------------- */

static struct model_config swin_config(void)
{
	struct model_config config = fixture_model_config();
	config.family = FAMILY_SWIN;
	config.vision = (struct vision_config){ .image_size = 64,
		                                    .swin = { .patch_size = 2,
		                                              .window_size = 4,
		                                              .width = 8,
		                                              .layers = { 1, 2, 3, 1 },
		                                              .heads = { 1, 2, 4, 8 },
		                                              .mlp_ratio = 3,
		                                              .layer_norm_eps = 1e-6,
		                                              .projection_bias = true } };
	config.preprocess = (struct preprocess_config){
		.resize_height = 64, .resize_width = 64, .rescale_factor = 1, .std = { 1, 1, 1 }
	};
	return config;
}

static void a_swin_config_is_read_back_as_it_was_written(void **state)
{
	const struct model_config config = swin_config();
	struct model_config back;
	struct buffer text = { 0 }, again = { 0 };
	(void)state;
	single_config_write(&text, &config);
	assert_ok(single_config_read(&back, text.bytes, "x", &error));
	single_config_write(&again, &back);
	assert_string_equal(text.bytes, again.bytes);
	assert_int_equal(back.vision.swin.heads[3], 8);
	assert_int_equal(back.vision.swin.layers[2], 3);
	assert_true(back.vision.swin.projection_bias);
	buffer_free(&text);
	buffer_free(&again);
}

static void sizes_that_windows_do_not_cover_are_refused(void **state)
{
	struct model_config config = swin_config();
	(void)state;
	assert_ok(model_config_check(&config, "x", "x", &error));
	config.vision.swin.window_size = 3;
	assert_error(model_config_check(&config, "x", "x", &error), CLIPCLS_ERR_UNSUPPORTED,
	             "stage 1: 32 patches a side are not a multiple of window_size 3");
	config.vision.swin.window_size = 33;
	assert_error(model_config_check(&config, "x", "x", &error), CLIPCLS_ERR_FORMAT, "window_size");
	config = swin_config();
	config.vision.image_size = 40;
	assert_error(model_config_check(&config, "x", "x", &error), CLIPCLS_ERR_UNSUPPORTED,
	             "image_size 40 is not a multiple of 8 times patch_size 2");
	config = swin_config();
	config.vision.swin.heads[1] = 3;
	assert_error(model_config_check(&config, "x", "x", &error), CLIPCLS_ERR_FORMAT,
	             "width 16 is not a multiple of 3 heads");
}

static void buffers_of_windows_are_no_weights(void **state)
{
	(void)state;
	assert_true(tensor_is_ignored("visual.trunk.layers.0.blocks.1.attn_mask"));
	assert_true(tensor_is_ignored("visual.trunk.layers.0.blocks.1.attn.relative_position_index"));
	assert_false(
	    tensor_is_ignored("visual.trunk.layers.0.blocks.1.attn.relative_position_bias_table"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_patch_attends_to_its_window_and_its_region),
		cmocka_unit_test(a_window_does_not_depend_on_the_others_or_the_threads),
		cmocka_unit_test(a_swin_config_is_read_back_as_it_was_written),
		cmocka_unit_test(sizes_that_windows_do_not_cover_are_refused),
		cmocka_unit_test(buffers_of_windows_are_no_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
