/* EfficientNets as image towers. Tan and Le 2019; transformers' AlignVisionModel. */
#include "nn/efficientnet.h"

#include "nn/pool2d.h"
#include "nn/tower_kinds.h"

/* Pictures of a forward pass. Each goes through the blocks by itself: the first stages' maps are
 * large, and with several at a time these lose more than what the last ones gain. */
#define BATCH 8

/* ---- maps ----------------------------------------------------------------------------------- */

/* The frame that block `index` wants around what it is given. */
static struct frame frame_before(const struct efficientnet *net, size_t index)
{
	if (index == net->count || net->blocks[index].shape.expansion)
		return (struct frame){ 0 };
	return net->blocks[index].depthwise.window.padding;
}

/* Pixels (1, S, S, 3) as the stem wants them. */
static struct maps pixel_maps(const struct efficientnet *net)
{
	size_t S = net->config.image_size;
	return (struct maps){
		.n = 1, .height = S, .width = S, .channels = 3, .frame = net->stem.window.padding
	};
}

static struct maps stem_maps(const struct efficientnet *net, const struct maps *pixels)
{
	return maps_windowed(pixels, &net->stem.window, net->stem.out, frame_before(net, 0));
}

/* The maps of one block; `expanded` with an expansion alone. */
struct block_maps {
	struct maps expanded, filtered, out;
};

static struct block_maps block_maps_of(const struct efficientnet *net, size_t index,
                                       const struct maps *x)
{
	const struct mbconv *block = &net->blocks[index];
	struct block_maps maps = { .expanded = *x };
	if (block->shape.expansion)
		maps.expanded = maps_windowed(x, &block->expand.window, block->shape.within,
		                              block->depthwise.window.padding);
	maps.filtered = maps_windowed(&maps.expanded, &block->depthwise.window, block->shape.within,
	                              (struct frame){ 0 });
	maps.out = maps_windowed(&maps.filtered, &block->project.window, block->shape.out,
	                         frame_before(net, index + 1));
	return maps;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* What a picture's maps lie in, one after the other: a block's input and output take turns. */
struct rooms {
	size_t ends, expanded, filtered; /* floats of each */
	size_t squeeze;
};

static struct rooms rooms_of(const struct efficientnet *net)
{
	struct maps pixels = pixel_maps(net), x = stem_maps(net, &pixels);
	struct rooms rooms = { .ends = maps_scratch(&x), .expanded = maps_scratch(&pixels) };
	for (size_t i = 0; i < net->count; i++) {
		struct block_maps maps = block_maps_of(net, i, &x);
		if (net->blocks[i].shape.expansion)
			rooms.expanded = size_max(rooms.expanded, maps_scratch(&maps.expanded));
		rooms.filtered = size_max(rooms.filtered, maps_scratch(&maps.filtered));
		rooms.ends = size_max(rooms.ends, maps_scratch(&maps.out));
		rooms.squeeze = size_max(rooms.squeeze, squeeze_scratch(&net->blocks[i].squeeze, 1));
		x = maps.out;
	}
	return rooms;
}

static size_t net_scratch(const void *tower, size_t n, size_t threads)
{
	struct rooms rooms = rooms_of(tower);
	(void)n;
	(void)threads;
	return 2 * rooms.ends + rooms.expanded + rooms.filtered + rooms.squeeze;
}

/* Lays `maps` into one of the rooms. */
static void place(struct maps *maps, float *room)
{
	struct arena arena = { .floats = room, .capacity = maps_scratch(maps) };
	maps_place(maps, &arena);
}

/* ---- pictures ------------------------------------------------------------------------------- */

struct memory {
	float *ends[2], *expanded, *filtered;
};

static struct memory take_memory(const struct efficientnet *net, struct arena *arena)
{
	struct rooms rooms = rooms_of(net);
	struct memory memory;
	memory.ends[0] = arena_floats(arena, rooms.ends);
	memory.ends[1] = arena_floats(arena, rooms.ends);
	memory.expanded = arena_floats(arena, rooms.expanded);
	memory.filtered = arena_floats(arena, rooms.filtered);
	return memory;
}

/* The stem. (3, S, S) -> maps in memory->ends[0]. */
static struct maps embed(const float *pixels, const struct efficientnet *net,
                         const struct memory *memory, struct pool *pool)
{
	struct maps image = pixel_maps(net), x = stem_maps(net, &image);
	place(&image, memory->expanded);
	place(&x, memory->ends[0]);
	maps_from_planes(&image, pixels, pool);
	conv_apply(&x, &image, &net->stem, NULL, pool);
	return x;
}

/* x: in memory->ends[index % 2]; the result is in the other one. */
static struct maps block_forward(const struct maps *x, const struct efficientnet *net, size_t index,
                                 const struct memory *memory, struct arena *arena,
                                 struct pool *pool)
{
	const struct mbconv *block = &net->blocks[index];
	struct block_maps maps = block_maps_of(net, index, x);
	if (block->shape.expansion) {
		place(&maps.expanded, memory->expanded);
		conv_apply(&maps.expanded, x, &block->expand, NULL, pool);
	}
	place(&maps.filtered, memory->filtered);
	depthwise_apply(&maps.filtered, &maps.expanded, &block->depthwise, pool);
	squeeze_apply(&maps.filtered, &block->squeeze, arena, pool);
	place(&maps.out, memory->ends[(index + 1) % 2]);
	conv_apply(&maps.out, &maps.filtered, &block->project, block->shape.residual ? x : NULL, pool);
	return maps.out;
}

/* out: (E), pixels: (3, S, S). */
static void picture_forward(float *out, const float *pixels, const struct efficientnet *net,
                            struct arena *arena, struct pool *pool)
{
	size_t mark = arena->used;
	struct memory memory = take_memory(net, arena);
	struct maps x = embed(pixels, net, &memory, pool);
	for (size_t i = 0; i < net->count; i++)
		x = block_forward(&x, net, i, &memory, arena, pool);
	pool_global(out, &x, pool);
	arena->used = mark;
}

static void net_forward(float *out, const float *pixels, size_t n, const void *tower,
                        struct arena *arena, struct pool *pool)
{
	const struct efficientnet *net = tower;
	size_t S = net->config.image_size, E = net->blocks[net->count - 1].shape.out;
	for (size_t i = 0; i < n; i++)
		picture_forward(out + i * E, pixels + i * 3 * S * S, net, arena, pool);
}

/* ---- the rest of a tower -------------------------------------------------------------------- */

/* Convolutions have one form of their weights, which int8 files do not change. */
static clipcls_status net_load(void **out, struct checkpoint *checkpoint, enum weight_form form,
                               struct pool *pool, clipcls_error *error)
{
	struct efficientnet *net = NULL;
	clipcls_status status = efficientnet_load(&net, checkpoint, pool, error);
	(void)form;
	*out = net;
	return status;
}

static void net_free(void *tower)
{
	efficientnet_free(tower);
}

static size_t net_batch(const struct model_config *config)
{
	(void)config;
	return BATCH;
}

/* Multiply-adds count as two. */
static void net_work(struct image_tower_work *out, const struct model_config *config)
{
	const struct efficientnet_config *net = &config->vision.efficientnet;
	size_t side = efficientnet_side(config->vision.image_size, EFFICIENTNET_STEM_KERNEL,
	                                EFFICIENTNET_STEM_STRIDE, EFFICIENTNET_STEM_PADDING);
	double taps = EFFICIENTNET_STEM_KERNEL * EFFICIENTNET_STEM_KERNEL * 3;
	double sum = (double)(side * side) * taps * (double)net->stem;
	for (size_t stage = 0; stage < net->layers.count; stage++) {
		for (size_t layer = 0; layer < net->layers.items[stage]; layer++) {
			const struct efficientnet_block block = efficientnet_block_of(net, stage, layer);
			double before = (double)(side * side), M = (double)block.within;
			side = efficientnet_side(side, block.kernel, block.stride, block.padding);
			double behind = (double)(side * side);
			sum += block.expansion ? before * (double)block.in * M : 0;
			sum += behind * M * (double)(block.kernel * block.kernel + block.out);
			sum += 2 * M * (double)block.reduced;
		}
	}
	out->computed = out->defined = 2 * sum;
}

const struct image_tower_ops efficientnet_ops = { .load = net_load,
	                                              .free = net_free,
	                                              .forward = net_forward,
	                                              .scratch = net_scratch,
	                                              .batch = net_batch,
	                                              .work = net_work };
