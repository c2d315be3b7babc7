/* CLIP's ResNets. Radford et al. 2021, section 2.4; open_clip's ModifiedResNet. */
#include "nn/resnet.h"

#include "base/checked.h"
#include "nn/pool2d.h"
#include "nn/tower_kinds.h"

/* Pixels of the last stage in a group of pictures that its products need to run near the machine's
 * limit: more pictures go through in groups, so that memory does not grow. */
#define PIXELS_PER_GROUP 400
/* Stages that a group's pictures go through one by one: their maps are large, and stay in the cache
 * then; the stages behind have large weights, which a group shares. */
#define LONE_STAGES 2

static const struct frame one_pixel = { 1, 1, 1, 1 };

/* ---- maps ----------------------------------------------------------------------------------- */

/* Those of the stem: (n, S, S, 3), (n, S/2, S/2, W/2) twice, (n, S/2, S/2, W). */
struct stem_maps {
	struct maps pixels, between[2], last;
};

static struct stem_maps stem_maps(const struct resnet *resnet, size_t n)
{
	size_t S = resnet->image_size;
	const struct conv *stem = resnet->stem;
	struct stem_maps maps;
	maps.pixels = (struct maps){
		.n = n, .height = S, .width = S, .channels = stem[0].in, .frame = one_pixel
	};
	maps.between[0] = maps_windowed(&maps.pixels, &stem[0].window, stem[0].out, one_pixel);
	maps.between[1] = maps_windowed(&maps.between[0], &stem[1].window, stem[1].out, one_pixel);
	maps.last = maps_windowed(&maps.between[1], &stem[2].window, stem[2].out, (struct frame){ 0 });
	return maps;
}

static struct maps halves(const struct maps *x)
{
	return (struct maps){
		.n = x->n, .height = x->height / 2, .width = x->width / 2, .channels = x->channels
	};
}

/* What the stem gives: (n, S/4, S/4, W). */
static struct maps stem_output(const struct resnet *resnet, size_t n)
{
	struct stem_maps maps = stem_maps(resnet, n);
	return halves(&maps.last);
}

/* What a stage gives: (n, S/4, S/4, 4 W), then half the side and twice the channels each. */
static struct maps stage_output(const struct resnet *resnet, size_t stage, size_t n)
{
	size_t side = resnet->image_size / 4 >> stage;
	return (struct maps){ .n = n,
		                  .height = side,
		                  .width = side,
		                  .channels = RESNET_EXPANSION * (resnet->config.width << stage) };
}

/* Those of a block between x and its output. The last two are for a stride of 2. */
struct block_maps {
	struct maps conv1, conv2, conv2_halves, x_halves;
};

static struct block_maps block_maps(const struct bottleneck *block, const struct maps *x)
{
	struct block_maps maps;
	maps.conv1 = maps_windowed(x, &block->conv1.window, block->conv1.out, one_pixel);
	maps.conv2 =
	    maps_windowed(&maps.conv1, &block->conv2.window, block->conv2.out, (struct frame){ 0 });
	maps.conv2_halves = halves(&maps.conv2);
	maps.x_halves = halves(x);
	return maps;
}

/* ---- scratch -------------------------------------------------------------------------------- */

static size_t stem_scratch(const struct resnet *resnet)
{
	struct stem_maps maps = stem_maps(resnet, 1);
	return maps_scratch(&maps.pixels) + maps_scratch(&maps.between[0]) +
	       maps_scratch(&maps.between[1]) + maps_scratch(&maps.last);
}

static size_t block_scratch(const struct bottleneck *block, const struct maps *x)
{
	struct block_maps maps = block_maps(block, x);
	size_t floats = maps_scratch(&maps.conv1) + maps_scratch(&maps.conv2);
	if (block->stride == 2)
		floats += maps_scratch(&maps.conv2_halves) + maps_scratch(&maps.x_halves);
	return floats;
}

static const struct bottleneck *first_block(const struct resnet *resnet, size_t stage)
{
	const struct bottleneck *block = resnet->blocks;
	for (size_t before = 0; before < stage; before++)
		block += resnet->config.layers[before];
	return block;
}

/* Of run_stages. A stage's first block takes the most: its maps are the widest. */
static size_t stages_scratch(const struct resnet *resnet, const struct maps *input, size_t first,
                             size_t end)
{
	size_t outputs = 0, blocks = 0;
	struct maps x = *input;
	for (size_t stage = first; stage < end; stage++) {
		blocks = size_max(blocks, block_scratch(first_block(resnet, stage), &x));
		x = stage_output(resnet, stage, x.n);
		outputs += stage + 1 < end ? maps_scratch(&x) : 0;
	}
	return outputs + blocks;
}

/* Pictures that go through together. */
static size_t group_of(size_t image_size)
{
	size_t side = image_size / RESNET_REDUCTION;
	return size_max(1, PIXELS_PER_GROUP / (side * side));
}

static size_t resnet_scratch(const void *tower, size_t n, size_t threads)
{
	const struct resnet *resnet = tower;
	size_t group = size_min(n, group_of(resnet->image_size));
	struct maps stem = stem_output(resnet, 1);
	struct maps middle = stage_output(resnet, LONE_STAGES - 1, group);
	struct maps last = stage_output(resnet, RESNET_STAGES - 1, group);
	size_t lone = maps_scratch(&stem) +
	              size_max(stem_scratch(resnet), stages_scratch(resnet, &stem, 0, LONE_STAGES));
	size_t together =
	    maps_scratch(&last) + size_max(stages_scratch(resnet, &middle, LONE_STAGES, RESNET_STAGES),
	                                   attention_pool_scratch(&resnet->pooling, group));
	(void)threads;
	return maps_scratch(&middle) + size_max(lone, together);
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* out: stem_output(1).   picture: (3, S, S). */
static void run_stem(const struct maps *out, const float *picture, const struct resnet *resnet,
                     struct arena *arena, struct pool *pool)
{
	struct stem_maps maps = stem_maps(resnet, 1);
	size_t mark = arena->used;
	maps_place(&maps.pixels, arena);
	maps_place(&maps.between[0], arena);
	maps_place(&maps.between[1], arena);
	maps_place(&maps.last, arena);
	maps_from_planes(&maps.pixels, picture, pool);
	conv_apply(&maps.between[0], &maps.pixels, &resnet->stem[0], NULL, pool);
	conv_apply(&maps.between[1], &maps.between[0], &resnet->stem[1], NULL, pool);
	conv_apply(&maps.last, &maps.between[1], &resnet->stem[2], NULL, pool);
	pool_halves(out, &maps.last, pool);
	arena->used = mark;
}

/* Writes the shortcut's pixels to out, for a stage's first block. */
static void run_shortcut(const struct maps *out, const struct maps *x, struct block_maps *maps,
                         const struct bottleneck *block, struct arena *arena, struct pool *pool)
{
	if (block->stride == 2) {
		maps_place(&maps->x_halves, arena);
		pool_halves(&maps->x_halves, x, pool);
		x = &maps->x_halves;
	}
	conv_apply(out, x, &block->downsample, NULL, pool);
}

/* out: x itself but for a stage's first block. */
static void run_block(const struct maps *out, const struct maps *x, const struct bottleneck *block,
                      struct arena *arena, struct pool *pool)
{
	struct block_maps maps = block_maps(block, x);
	const struct maps *inner = &maps.conv2;
	size_t mark = arena->used;
	maps_place(&maps.conv1, arena);
	maps_place(&maps.conv2, arena);
	conv_apply(&maps.conv1, x, &block->conv1, NULL, pool);
	conv_apply(&maps.conv2, &maps.conv1, &block->conv2, NULL, pool);
	if (block->stride == 2) {
		maps_place(&maps.conv2_halves, arena);
		pool_halves(&maps.conv2_halves, &maps.conv2, pool);
		inner = &maps.conv2_halves;
	}
	if (block->first)
		run_shortcut(out, x, &maps, block, arena, pool);
	conv_apply(out, inner, &block->conv3, out, pool);
	arena->used = mark;
}

/* The stages [first, end); out: what the last of them gives. */
static void run_stages(const struct maps *out, const struct maps *input, size_t first, size_t end,
                       const struct resnet *resnet, struct arena *arena, struct pool *pool)
{
	struct maps x = *input;
	size_t mark = arena->used;
	for (size_t stage = first; stage < end; stage++) {
		const struct bottleneck *block = first_block(resnet, stage);
		struct maps y = stage + 1 < end ? stage_output(resnet, stage, x.n) : *out;
		if (stage + 1 < end)
			maps_place(&y, arena);
		run_block(&y, &x, block, arena, pool);
		for (size_t i = 1; i < resnet->config.layers[stage]; i++)
			run_block(&y, &y, block + i, arena, pool);
		x = y;
	}
	arena->used = mark;
}

/* One group. */
static void encode(float *out, const float *pixels, size_t n, const struct resnet *resnet,
                   struct arena *arena, struct pool *pool)
{
	size_t S = resnet->image_size, mark = arena->used;
	struct maps middle = stage_output(resnet, LONE_STAGES - 1, n);
	struct maps last = stage_output(resnet, RESNET_STAGES - 1, n);
	maps_place(&middle, arena);
	for (size_t i = 0; i < n; i++) {
		struct maps stem = stem_output(resnet, 1), own = middle;
		size_t picture = arena->used;
		own.n = 1;
		own.data += i * maps_picture_floats(&middle);
		maps_place(&stem, arena);
		run_stem(&stem, pixels + i * 3 * S * S, resnet, arena, pool);
		run_stages(&own, &stem, 0, LONE_STAGES, resnet, arena, pool);
		arena->used = picture;
	}
	maps_place(&last, arena);
	run_stages(&last, &middle, LONE_STAGES, RESNET_STAGES, resnet, arena, pool);
	attention_pool_forward(out, &last, &resnet->pooling, arena, pool);
	arena->used = mark;
}

static void resnet_forward(float *out, const float *pixels, size_t n, const void *tower,
                           struct arena *arena, struct pool *pool)
{
	const struct resnet *resnet = tower;
	size_t group = group_of(resnet->image_size), S = resnet->image_size;
	for (size_t done = 0, count; done < n; done += count) {
		count = size_min(group, n - done);
		encode(out + done * resnet->projection_dim, pixels + done * 3 * S * S, count, resnet, arena,
		       pool);
	}
}

/* ---- of the config alone -------------------------------------------------------------------- */

static size_t resnet_batch(const struct model_config *config)
{
	return group_of(config->vision.image_size);
}

/* Multiply-adds count as two. */
static double conv_flops(double pixels, double out, double in, double kernel)
{
	return 2 * pixels * out * in * kernel * kernel;
}

static double stages_flops(const struct resnet_config *config, double S)
{
	double total = 0, in = (double)config->width, side = S / 4;
	for (size_t stage = 0; stage < RESNET_STAGES; stage++) {
		double C = (double)config->width * (double)(1u << stage), out = RESNET_EXPANSION * C;
		double wide = side * side; /* before the stride */
		side /= stage > 0 ? 2 : 1;
		double pixels = side * side, rest = (double)config->layers[stage] - 1;
		total += conv_flops(wide, C, in, 1) + conv_flops(wide, C, C, 3) +
		         conv_flops(pixels, out, C, 1) + conv_flops(pixels, out, in, 1);
		total += rest * (conv_flops(pixels, C, out, 1) + conv_flops(pixels, C, C, 3) +
		                 conv_flops(pixels, out, C, 1));
		in = out;
	}
	return total;
}

static void resnet_work(struct image_tower_work *out, const struct model_config *config)
{
	const struct resnet_config *resnet = &config->vision.resnet;
	double S = (double)config->vision.image_size, W = (double)resnet->width;
	double E = (double)config->projection_dim, F = RESNET_FEATURES * W, H = (double)resnet->heads;
	double T = 1 + S / RESNET_REDUCTION * (S / RESNET_REDUCTION), half = S / 2 * (S / 2);
	double convs = conv_flops(half, W / 2, 3, 3) + conv_flops(half, W / 2, W / 2, 3) +
	               conv_flops(half, W, W / 2, 3) + stages_flops(resnet, S);
	/* The reference has queries, and results, of all tokens. */
	out->defined = convs + 2 * (3 * T * F * F + 2 * T * T * F + T * F * E);
	out->computed = convs + 2 * (3 * F * F + 2 * H * T * F + F * E);
}

const struct image_tower_ops resnet_ops = { .load = resnet_load,
	                                        .free = resnet_free,
	                                        .lower = resnet_lower,
	                                        .raise = resnet_raise,
	                                        .forward = resnet_forward,
	                                        .scratch = resnet_scratch,
	                                        .batch = resnet_batch,
	                                        .work = resnet_work };
