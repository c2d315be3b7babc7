/* Everything a checkpoint says about itself, with every default already applied by its layout. */
#ifndef CLIPCLS_MODEL_CONFIG_H
#define CLIPCLS_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum activation { ACTIVATION_QUICK_GELU, ACTIVATION_GELU, ACTIVATION_GELU_TANH };

/* A stack of pre-layer-norm blocks. heads divides width. */
struct transformer_config {
	size_t width, layers, heads, mlp_width;
	enum activation activation;
	double layer_norm_eps;
};

struct vision_config {
	struct transformer_config transformer;
	size_t image_size, patch_size; /* square, in pixels; patch_size divides image_size */
};

/* Which position of a prompt gives its embedding. */
enum pooling {
	POOLING_ARGMAX, /* the first of the largest id: open_clip, and Hugging Face with eos_token_id 2
	                 */
	POOLING_END_TOKEN /* the first eos_token_id; position 0 when there is none */
};

struct text_config {
	struct transformer_config transformer;
	size_t vocab_size, context_length;
	enum pooling pooling;
	int32_t eos_token_id; /* for POOLING_END_TOKEN */
};

/* Whose cleaning and special tokens a prompt gets. */
enum text_cleaning { TEXT_CLEANING_HUGGINGFACE, TEXT_CLEANING_OPENCLIP };

struct tokenizer_config {
	enum text_cleaning cleaning;
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
	bool do_resize;
	enum resize_mode resize_mode;
	size_t resize_height, resize_width; /* SHORTEST: both are the short edge's length */
	enum interpolation interpolation;
	bool do_center_crop;
	size_t crop_height, crop_width;
	uint8_t fill[3];        /* LONGEST pads with it; a crop larger than the picture pads with 0 */
	double rescale_factor;  /* 1 when do_rescale is off */
	double mean[3], std[3]; /* 0 and 1 when do_normalize is off */
};

struct model_config {
	struct vision_config vision;
	struct text_config text;
	size_t projection_dim;
	struct tokenizer_config tokenizer;
	struct preprocess_config preprocess;
};

/* Names as they stand in files and in `clipcls inspect`; NULL past the end / false when unknown. */
const char *activation_name(enum activation activation);
bool activation_from_name(enum activation *out, const char *name);
const char *resize_mode_name(enum resize_mode mode);
bool resize_mode_from_name(enum resize_mode *out, const char *name);
const char *interpolation_name(enum interpolation interpolation);
bool interpolation_from_name(enum interpolation *out, const char *name);

#endif
