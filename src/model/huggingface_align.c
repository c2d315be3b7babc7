/* transformers' AlignConfig. */
#include "model/config_fields.h"
#include "model/efficientnet_block.h"
#include "model/huggingface.h"

#include <math.h>
#include <string.h>

/* AlignTextConfig. What a prompt is padded with, attention does not see. */
static void read_text(struct text_config *out, struct config_reader *reader)
{
	static const struct huggingface_tower defaults = { 768, 3072, 12, 12, ACTIVATION_GELU, 1e-12 };
	huggingface_read_transformer(&out->transformer, reader, &defaults);
	out->vocab_size = config_size(reader, "vocab_size", 30522);
	out->context_length = config_size(reader, "max_position_embeddings", 512);
	out->type_vocab_size = config_size(reader, "type_vocab_size", 2);
	out->attention = TEXT_ATTENTION_PROMPT;
	out->pooling = POOLING_FIRST;
	out->projection = out->projection_bias = true;
}

/* AlignVisionConfig's keys. */
struct scaling {
	double width, depth;
	size_t divisor;
	struct size_list in, out, repeats, square; /* square: blocks, from 0 */
};

/* A size that a coefficient made of another one. */
static size_t scaled(struct config_reader *reader, const char *coefficient, double size)
{
	if (size >= 0 && size <= (double)SIZE_LIMIT)
		return (size_t)size;
	config_fail(reader, CLIPCLS_ERR_FORMAT, coefficient, "is out of range");
	return 1;
}

/* modeling_align.round_filters: the nearest multiple of the divisor, less than 10% below. */
static size_t round_filters(struct config_reader *reader, const struct scaling *scaling,
                            size_t channels)
{
	double wide = (double)channels * scaling->width, half = (double)scaling->divisor / 2;
	size_t steps = scaled(reader, "width_coefficient", wide + half) / scaling->divisor;
	size_t rounded = size_max(1, steps) * scaling->divisor;
	return (double)rounded < 0.9 * wide ? rounded + scaling->divisor : rounded;
}

static bool holds(const struct size_list *list, size_t item)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i] == item)
			return true;
	return false;
}

static void read_scaling(struct scaling *out, struct config_reader *reader)
{
	*out = (struct scaling){ .in = { 7, { 32, 16, 24, 40, 80, 112, 192 } },
		                     .out = { 7, { 16, 24, 40, 80, 112, 192, 320 } },
		                     .repeats = { 7, { 1, 2, 2, 3, 3, 4, 1 } } };
	out->width = config_number(reader, "width_coefficient", 2.0);
	out->depth = config_number(reader, "depth_coefficient", 3.1);
	out->divisor = config_size(reader, "depth_divisor", 8);
	config_sizes(reader, "in_channels", &out->in);
	config_sizes(reader, "out_channels", &out->out);
	config_sizes(reader, "num_block_repeats", &out->repeats);
	config_sizes(reader, "depthwise_padding", &out->square);
	if (out->divisor == 0 || out->divisor > SIZE_LIMIT) {
		config_fail(reader, CLIPCLS_ERR_FORMAT, "depth_divisor", "is out of range");
		out->divisor = 1;
	}
	if (out->in.count != out->out.count)
		config_fail(reader, CLIPCLS_ERR_FORMAT, "in_channels", "is not as long as out_channels");
}

/* Blocks and channels of the stages, and the zeros around what their first blocks see: with a
 * stride of 2, one pixel fewer, and that before the picture, but where a square is asked for. */
static void read_stages(struct efficientnet_config *out, struct config_reader *reader)
{
	struct scaling scaling;
	size_t block = 0;
	read_scaling(&scaling, reader);
	out->stem = round_filters(reader, &scaling, 32);
	out->channels.count = scaling.out.count;
	out->layers.count = scaling.repeats.count;
	out->paddings.count = out->kernels.count;
	for (size_t i = 0; i < scaling.out.count; i++) {
		size_t before = i > 0 ? out->channels.items[i - 1] : out->stem;
		out->channels.items[i] = round_filters(reader, &scaling, scaling.out.items[i]);
		if (round_filters(reader, &scaling, scaling.in.items[i]) != before)
			config_fail(reader, CLIPCLS_ERR_FORMAT, "in_channels",
			            "does not fit what comes before each stage");
	}
	for (size_t i = 0; i < out->kernels.count; i++)
		if (out->kernels.items[i] < 3)
			config_unsupported(reader, "kernel_sizes");
	for (size_t i = 0; i < scaling.repeats.count; i++) {
		bool strided = out->strides.items[i] == 2 && !holds(&scaling.square, block);
		double layers = ceil(scaling.depth * (double)scaling.repeats.items[i]);
		out->layers.items[i] = scaled(reader, "depth_coefficient", layers);
		out->paddings.items[i] = out->kernels.items[i] - (strided ? 2 : 1);
		block += out->layers.items[i];
	}
}

/* AlignVisionConfig */
static void read_vision(struct vision_config *out, struct config_reader *reader)
{
	static const char *const poolings[] = { "mean", NULL };
	struct efficientnet_config *net = &out->efficientnet;
	huggingface_read_image(out, reader, 600);
	net->kernels = (struct size_list){ 7, { 3, 3, 5, 3, 5, 5, 3 } };
	net->strides = (struct size_list){ 7, { 1, 2, 2, 2, 1, 2, 1 } };
	net->expansions = (struct size_list){ 7, { 1, 6, 6, 6, 6, 6, 6 } };
	config_sizes(reader, "kernel_sizes", &net->kernels);
	config_sizes(reader, "strides", &net->strides);
	config_sizes(reader, "expand_ratios", &net->expansions);
	read_stages(net, reader);
	net->squeeze_ratio = config_number(reader, "squeeze_expansion_ratio", 0.25);
	net->batch_norm_eps = config_number(reader, "batch_norm_eps", 0.001);
	net->activation = ACTIVATION_SILU;
	if (strcmp(config_string(reader, "hidden_act", "swish"), "swish") != 0)
		net->activation =
		    (enum activation)config_word(reader, "hidden_act", activation_words, ACTIVATION_SILU);
	config_word(reader, "pooling_type", poolings, 0);
	/* The pooling's window, which has to cover the whole picture. */
	if (config_size(reader, "hidden_dim", 2560) < efficientnet_last_side(out))
		config_unsupported(reader, "hidden_dim");
}

static void read(struct model_config *out, struct config_reader *reader)
{
	out->family = FAMILY_ALIGN;
	out->logit_scale = LOGIT_SCALE_TEMPERATURE;
	out->tokenizer =
	    (struct tokenizer_config){ .kind = TOKENIZER_WORDPIECE, .cleaning = TEXT_CLEANING_NONE };
	out->projection_dim = config_size(reader, "projection_dim", 640);
	struct config_reader text = config_enter(reader, "text_config", "text_config.");
	read_text(&out->text, &text);
	config_leave(reader, &text);
	struct config_reader vision = config_enter(reader, "vision_config", "vision_config.");
	read_vision(&out->vision, &vision);
	config_leave(reader, &vision);
	const struct size_list *channels = &out->vision.efficientnet.channels;
	if (channels->count > 0 && channels->items[channels->count - 1] != out->projection_dim)
		config_fail(reader, CLIPCLS_ERR_FORMAT, "projection_dim",
		            "is not the image tower's number of channels");
}

const struct huggingface_model huggingface_align = { "align", DIALECT_CANONICAL,
	                                                 "EfficientNetImageProcessor", read };
