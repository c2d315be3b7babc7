/* Everything a checkpoint says about itself, with every default already applied by its layout. */
#ifndef CLIPCLS_MODEL_CONFIG_H
#define CLIPCLS_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum activation {
	ACTIVATION_QUICK_GELU,
	ACTIVATION_GELU,
	ACTIVATION_GELU_TANH,
	ACTIVATION_RELU,
	ACTIVATION_SILU
};

/* One size for each stage of a tower. */
#define SIZE_LIST_LIMIT 16
struct size_list {
	size_t count, items[SIZE_LIST_LIMIT];
};

/* A stack of transformer blocks. heads divides width. What follows layer_norm_eps is EVA's (timm's
 * eva.py). */
struct transformer_config {
	size_t width, layers, heads, mlp_width;
	enum activation activation;
	double layer_norm_eps;
	bool gated_mlp;          /* fc2(activation(fc1_g(x)) * fc1(x)): SwiGLU, Shazeer 2020 */
	bool attention_norm;     /* a layer norm between attention and out_proj */
	bool mlp_norm;           /* a layer norm before fc2 */
	bool residual_post_norm; /* the two layer norms stand behind attention and MLP instead */
	bool no_key_bias;
};

/* What becomes of a vision transformer's tokens. */
enum vit_pooling {
	VIT_POOLING_CLASS,   /* the class token */
	VIT_POOLING_AVERAGE, /* the mean of the patches */
	VIT_POOLING_MAP      /* multi-head attention by a learned query, and an MLP: SigLIP */
};

/* Zhai et al. 2022 (open_clip, timm); each switch is a part that a family has or lacks. */
struct vit_config {
	struct transformer_config transformer;
	size_t patch_size;    /* in pixels, square */
	size_t position_grid; /* patches a side of the stored positions; 0 = as many as a picture has */
	bool class_token, patch_bias, pre_norm;
	bool norm_after_pooling; /* else before it */
	size_t rotary_side;      /* patches a side of the grid that rotary positions are scaled to; 0 =
	                            there are none */
	enum vit_pooling pooling;
	bool projection, projection_bias;
};

#define SWIN_STAGES 4

/* Liu et al. 2021 (timm): blocks that attend within windows. From stage to stage the side halves
 * and the width doubles; what a stage has of it: swin_stage.h. */
struct swin_config {
	size_t patch_size;  /* in pixels, square */
	size_t window_size; /* in patches, square */
	size_t width;       /* of the first stage */
	size_t layers[SWIN_STAGES], heads[SWIN_STAGES];
	size_t mlp_ratio;
	double layer_norm_eps;
	bool projection_bias;
};

#define RESNET_STAGES 4
#define RESNET_EXPANSION 4  /* a bottleneck's outputs over its channels: width, doubled by stage */
#define RESNET_FEATURES 32  /* of the last stage's pixels, times width */
#define RESNET_REDUCTION 32 /* pixels of a picture's side to one of the last stage's */
#define RESNET_NORM_EPS 1e-5
#define RESNET_WIDTH_LIMIT ((size_t)1 << 16)

/* CLIP's variant of ResNet: a stem of three convolutions, bottlenecks, attention in place of the
 * average. Radford et al. 2021, section 2.4; open_clip's ModifiedResNet. */
struct resnet_config {
	size_t width;                 /* channels behind the stem; even */
	size_t layers[RESNET_STAGES]; /* bottlenecks of each stage */
	size_t heads;                 /* of the attention; divides 32 * width */
};

/* Tan and Le 2019, as transformers' AlignVisionModel: a stem and stages of blocks; what a block has
 * of it: efficientnet_block.h. */
struct efficientnet_config {
	size_t stem; /* channels */
	/* Of every stage: blocks; side of their depthwise convolutions, stride of the first one's and
	 * the pixels of zeros, of two opposite edges together, that it has; channels; how many times as
	 * many a block has within. */
	struct size_list layers, kernels, strides, paddings, channels, expansions;
	double squeeze_ratio; /* channels of a squeeze for each one of its block's input */
	enum activation activation;
	double batch_norm_eps;
};

/* Of the tower that the family calls for. */
struct vision_config {
	size_t image_size; /* square, in pixels */
	union {
		struct vit_config vit;
		struct swin_config swin;
		struct resnet_config resnet;
		struct efficientnet_config efficientnet;
	};
};

/* Which position of a prompt gives its embedding. */
enum pooling {
	POOLING_ARGMAX, /* the first of the largest id: open_clip, and Hugging Face with eos_token_id 2
	                 */
	POOLING_END_TOKEN, /* the first eos_token_id; position 0 when there is none */
	POOLING_FIRST,
	POOLING_LAST /* of the whole context, which may be padding */
};

/* What a token sees. */
enum text_attention {
	TEXT_ATTENTION_CAUSAL, /* the tokens before it and itself */
	TEXT_ATTENTION_PROMPT, /* the whole prompt, without padding */
	TEXT_ATTENTION_CONTEXT /* the prompt and what it is padded with to context_length */
};

struct text_config {
	struct transformer_config transformer;
	size_t vocab_size, context_length;
	size_t type_vocab_size; /* BERT's token types: a prompt's tokens are all of the first */
	enum text_attention attention;
	enum pooling pooling;
	int32_t eos_token_id; /* for POOLING_END_TOKEN */
	int32_t pad_token_id; /* for TEXT_ATTENTION_CONTEXT */
	bool pad_left;        /* padding stands before a prompt */
	bool projection, projection_bias;
};

/* Which towers a checkpoint has: family.h. */
enum family {
	FAMILY_CLIP,
	FAMILY_SIGLIP,
	FAMILY_METACLIP_2,
	FAMILY_SWIN,
	FAMILY_CLIP_RESNET,
	FAMILY_ALIGN,
	FAMILY_EVA
};

/* How similarities become scores. */
enum logit_scale {
	LOGIT_SCALE_LOGARITHM,  /* times exp() of the tensor logit_scale */
	LOGIT_SCALE_TEMPERATURE /* divided by the tensor temperature */
};

/* The kind of vocabulary: which files it is read from, and how a text becomes tokens. */
enum tokenizer_kind {
	TOKENIZER_CLIP,          /* byte-pair encoding of bytes; vocab.json, tokenizer.json */
	TOKENIZER_SENTENCEPIECE, /* unigram or byte-pair encoding of characters; tokenizer.json,
	                            spiece.model */
	TOKENIZER_WORDPIECE      /* BERT's; tokenizer.json, vocab.txt */
};

/* Whose cleaning and special tokens a prompt gets. The first two are for TOKENIZER_CLIP, the others
 * for the other kinds. */
enum text_cleaning {
	TEXT_CLEANING_HUGGINGFACE,
	TEXT_CLEANING_OPENCLIP,
	TEXT_CLEANING_NONE,                  /* transformers: what the tokenizer's file says */
	TEXT_CLEANING_LOWER,                 /* the same after lower case: Siglip2Tokenizer */
	TEXT_CLEANING_SIGLIP,                /* SiglipTokenizer, which reads spiece.model */
	TEXT_CLEANING_OPENCLIP_WHITESPACE,   /* HFTokenizer, clean = "whitespace" */
	TEXT_CLEANING_OPENCLIP_LOWER,        /* clean = "lower" */
	TEXT_CLEANING_OPENCLIP_CANONICALIZE, /* clean = "canonicalize" */
};

struct tokenizer_config {
	enum tokenizer_kind kind;
	enum text_cleaning cleaning;
	bool strip_sep_token; /* HFTokenizer: the end token's id becomes 0 */
};

enum resize_mode { RESIZE_SHORTEST, RESIZE_SQUASH, RESIZE_LONGEST };
enum interpolation { INTERPOLATION_BILINEAR, INTERPOLATION_BICUBIC };
/* Whose order of steps and rounding a picture gets (they differ for everything but plain RGB). */
enum preprocess_order {
	PREPROCESS_HUGGINGFACE, /* convert to RGB, resize, crop (offsets floored) */
	PREPROCESS_OPENCLIP     /* resize, crop (offsets rounded half to even), convert to RGB */
};

struct preprocess_config {
	enum preprocess_order order;
	bool transparent_kept; /* HUGGINGFACE: a colour that stands for transparency stays what it is,
	                          else it becomes white */
	bool do_resize;
	enum resize_mode resize_mode;
	size_t resize_height, resize_width; /* SHORTEST: both are the short edge's length */
	enum interpolation interpolation;
	bool do_center_crop;
	size_t crop_height, crop_width;
	uint8_t fill[3];        /* LONGEST pads with it; a crop larger than the picture pads with 0 */
	double rescale_factor;  /* 1 when do_rescale is off */
	bool rescale_offset;    /* 1 is subtracted then */
	double mean[3], std[3]; /* 0 and 1 when do_normalize is off */
	bool std_twice;         /* divided by std a second time */
};

struct model_config {
	enum family family;
	struct vision_config vision;
	struct text_config text;
	size_t projection_dim;
	enum logit_scale logit_scale;
	bool logit_bias; /* added to every scaled similarity; scores are then sigmoids */
	struct tokenizer_config tokenizer;
	struct preprocess_config preprocess;
};

/* The words of the enums above, in their order, as they stand in files and in `clipcls inspect`;
 * NULL ends each. */
extern const char *const activation_words[], *const resize_mode_words[],
                                                 *const interpolation_words[];
/* *out: the place of the word; false when it is none of them. */
bool word_find(size_t *out, const char *const *words, const char *word);

#endif
