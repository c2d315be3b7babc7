/* The references' pipelines from a file's bytes to the tower's input:
 *   Hugging Face: load_image (EXIF, RGB), then CLIPImageProcessorPil: resize, centre crop
 *   OpenCLIP:     image_transform: resize, centre crop or pad, RGB */
#include "image/preprocess.h"
#include "image/transform.h"

#include "base/checked.h"

#include <math.h>
#include <string.h>

/* A picture that its decoder reduces keeps this many pixels for each one it is resized to, so that
 * the resampling filter, not the decoder's averages, decides what is left of fine detail. */
enum { FAST_DECODE_MARGIN = 2 };

struct size {
	size_t width, height;
};

/* int(size * long / short) of both references: one rounding, in double. */
static struct size shortest_edge(const struct image *image, size_t edge)
{
	const bool upright = image->full_width <= image->full_height;
	const size_t low = upright ? image->full_width : image->full_height;
	const size_t high = upright ? image->full_height : image->full_width;
	const size_t scaled = (size_t)((double)(edge * high) / (double)low);
	return upright ? (struct size){ edge, scaled } : (struct size){ scaled, edge };
}

/* open_clip's ResizeKeepRatio with longest=1: Python's round(), half to even. It fails where a side
 * rounds to 0; here that becomes 1 pixel. */
static struct size longest_edge(const struct image *image, size_t width, size_t height)
{
	double ratio = fmax((double)image->full_height / (double)height,
	                    (double)image->full_width / (double)width);
	struct size size = { (size_t)rint((double)image->full_width / ratio),
		                 (size_t)rint((double)image->full_height / ratio) };
	return (struct size){ size_max(size.width, 1), size_max(size.height, 1) };
}

static struct size resized(const struct image *image, const struct preprocess_config *config)
{
	if (!config->do_resize)
		return (struct size){ image->full_width, image->full_height };
	switch (config->resize_mode) {
	case RESIZE_SHORTEST: return shortest_edge(image, config->resize_height);
	case RESIZE_SQUASH: return (struct size){ config->resize_width, config->resize_height };
	case RESIZE_LONGEST: return longest_edge(image, config->resize_width, config->resize_height);
	}
	return (struct size){ image->full_width, image->full_height };
}

/* One axis of the centre crop: `skip` positions of the picture are left out before, or `pad` put
 * before it; `keep` of its positions remain. */
struct span_1d {
	size_t skip, pad, keep;
};

/* Where halves do not come out even: Hugging Face skips the smaller half and pads the larger,
 * OpenCLIP skips to the even one and pads the smaller. */
static struct span_1d center(size_t size, size_t crop, enum preprocess_order order)
{
	if (crop > size) {
		size_t more = crop - size;
		return (struct span_1d){ 0, order == PREPROCESS_HUGGINGFACE ? more - more / 2 : more / 2,
			                     size };
	}
	size_t less = size - crop;
	size_t skip = order == PREPROCESS_HUGGINGFACE ? less / 2 : (size_t)rint((double)less / 2.0);
	return (struct span_1d){ skip, 0, crop };
}

/* The colour around a picture smaller than the crop, in the picture's own mode: OpenCLIP pads
 * before it converts, so that 0 is the palette's first colour, and white in CMYK. */
static void fill_canvas(struct image *canvas, const struct preprocess_config *config)
{
	const uint8_t black[3] = { 0, 0, 0 };
	const uint8_t *fill = config->resize_mode == RESIZE_LONGEST ? config->fill : black;
	const size_t size = image_mode_bytes(canvas->mode);
	uint8_t pixel[4] = { fill[0], fill[0], fill[0], fill[0] };
	if (canvas->mode == IMAGE_RGB)
		memcpy(pixel, fill, 3);
	else if (canvas->mode == IMAGE_I16)
		pixel[1] = 0;
	for (size_t i = 0; i < canvas->width * canvas->height; i++)
		memcpy(canvas->data + i * size, pixel, size);
}

/* Puts `part` into the middle of a padded canvas of the crop's size; takes its place. */
static clipcls_status pad(struct image *part, struct span_1d x, struct span_1d y, size_t width,
                          size_t height, const struct preprocess_config *config,
                          clipcls_error *error)
{
	const size_t size = image_mode_bytes(part->mode);
	struct image *canvas = image_blank(part->mode, width, height);
	if (canvas == NULL)
		return error_memory(error);
	fill_canvas(canvas, config);
	for (size_t row = 0; row < y.keep; row++)
		memcpy(canvas->data + ((y.pad + row) * width + x.pad) * size,
		       part->data + row * x.keep * size, x.keep * size);
	uint8_t *data = part->data;
	part->data = canvas->data;
	part->width = width;
	part->height = height;
	canvas->data = data;
	image_free(canvas);
	return CLIPCLS_OK;
}

/* Resizes and crops; *out has the crop's size and the picture's mode. */
static clipcls_status resize_and_crop(struct image **out, const struct image *image,
                                      const struct preprocess_config *config, clipcls_error *error)
{
	const struct size full = resized(image, config);
	const size_t width = config->do_center_crop ? config->crop_width : full.width;
	const size_t height = config->do_center_crop ? config->crop_height : full.height;
	const struct span_1d x = center(full.width, width, config->order);
	const struct span_1d y = center(full.height, height, config->order);
	const struct image_window window = { x.skip, y.skip, x.keep, y.keep };
	clipcls_status status =
	    image_resize(out, image, full.width, full.height, config->interpolation, &window, error);
	if (status == CLIPCLS_OK && (width > x.keep || height > y.keep))
		status = pad(*out, x, y, width, height, config, error);
	return status;
}

/* What of one axis is seen, in parts of the resized picture's `size`. */
static void seen(double *begin, double *end, size_t size, size_t crop, enum preprocess_order order)
{
	const struct span_1d span = center(size, crop, order);
	*begin = ((double)span.skip - (double)span.pad) / (double)size;
	*end = *begin + (double)crop / (double)size;
}

struct image_box preprocess_box(const struct preprocess_config *config, size_t width, size_t height)
{
	const struct image image = { .full_width = width, .full_height = height };
	const struct size full = resized(&image, config);
	struct image_box box = { 0, 0, 1, 1 };
	if (config->do_center_crop) {
		seen(&box.left, &box.right, full.width, config->crop_width, config->order);
		seen(&box.top, &box.bottom, full.height, config->crop_height, config->order);
	}
	return box;
}

/* Without a crop the picture's own shape may remain, which no tower takes. */
static clipcls_status check_shape(const struct image *image, const struct preprocess_config *config,
                                  size_t image_size, const char *name, clipcls_error *error)
{
	const struct size full = resized(image, config);
	const size_t width = config->do_center_crop ? config->crop_width : full.width;
	const size_t height = config->do_center_crop ? config->crop_height : full.height;
	if (width == image_size && height == image_size)
		return CLIPCLS_OK;
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
	                 "%s: the model's preprocessing makes it %zu x %zu, its image tower takes %zu",
	                 name, width, height, image_size);
}

/* What the decoder must keep to. The sides do not depend on how EXIF turns the picture. */
static struct image_limits decode_limits(const struct preprocess_config *config,
                                         const clipcls_image_options *options)
{
	struct image_limits limits = { .max_pixels = options->max_pixels != 0 ? options->max_pixels
		                                                                  : PREPROCESS_MAX_PIXELS };
	const size_t side = size_max(config->resize_width, config->resize_height);
	size_t wanted;
	if (!options->fast_decode || !config->do_resize || !size_mul(side, FAST_DECODE_MARGIN, &wanted))
		return limits;
	switch (config->resize_mode) {
	case RESIZE_SHORTEST:
	case RESIZE_SQUASH: limits.wanted_short_side = wanted; break;
	case RESIZE_LONGEST: limits.wanted_long_side = wanted; break;
	}
	return limits;
}

/* The decoded and upright picture's pixels. */
static clipcls_status rgb_of(uint8_t *rgb, struct image *image,
                             const struct preprocess_config *config, size_t image_size,
                             const uint8_t *background, const char *name, clipcls_error *error)
{
	struct image *part = NULL;
	clipcls_status status = CLIPCLS_OK;
	/* A background is put behind the picture before anything else sees its transparency. */
	if (config->order == PREPROCESS_HUGGINGFACE || (background != NULL && image->has_transparency))
		status = image_to_rgb(image, background, error);
	if (status == CLIPCLS_OK && config->order == PREPROCESS_HUGGINGFACE &&
	    !config->transparent_kept)
		image_whiten_transparent(image);
	if (status == CLIPCLS_OK) {
		status = check_shape(image, config, image_size, name, error);
		if (status != CLIPCLS_OK)
			return status; /* its message has the name */
		status = resize_and_crop(&part, image, config, error);
	}
	if (status == CLIPCLS_OK)
		status = image_to_rgb(part, NULL, error);
	if (status == CLIPCLS_OK)
		memcpy(rgb, part->data, image_size * image_size * 3);
	else
		error_prefix(error, "%s: ", name);
	image_free(part);
	return status;
}

clipcls_status preprocess_picture(uint8_t *rgb, struct thumbnail *thumbnail, const uint8_t *bytes,
                                  size_t size, const struct preprocess_config *config,
                                  size_t image_size, const clipcls_image_options *options,
                                  const char *name, clipcls_error *error)
{
	static const clipcls_image_options defaults = { 0 };
	const clipcls_image_options *use = options != NULL ? options : &defaults;
	const struct image_limits limits = decode_limits(config, use);
	const uint8_t *background = use->has_background ? use->background : NULL;
	struct image *image = NULL;

	clipcls_status status = image_decode(&image, bytes, size, &limits, name, error);
	if (status != CLIPCLS_OK)
		return status; /* its message has the name */
	if (!use->ignore_exif)
		status = image_orient(image, error);
	if (status == CLIPCLS_OK && thumbnail != NULL && use->thumbnail_size > 0)
		status = thumbnail_make(thumbnail, image, use->thumbnail_size, background, error);
	if (status != CLIPCLS_OK)
		error_prefix(error, "%s: ", name);
	else
		status = rgb_of(rgb, image, config, image_size, background, name, error);
	image_free(image);
	return status;
}

clipcls_status preprocess_rgb(uint8_t *rgb, const uint8_t *bytes, size_t size,
                              const struct preprocess_config *config, size_t image_size,
                              const clipcls_image_options *options, const char *name,
                              clipcls_error *error)
{
	return preprocess_picture(rgb, NULL, bytes, size, config, image_size, options, name, error);
}

/* Every value that a channel can take: the pixels are then looked up.
 * Hugging Face multiplies in double and rounds to float; torchvision's to_tensor divides floats by
 * 255. Both subtract and divide in float. */
static void normalized_values(float values[256], size_t channel,
                              const struct preprocess_config *config)
{
	const float mean = (float)config->mean[channel], std = (float)config->std[channel];
	for (int i = 0; i < 256; i++) {
		float value = config->order == PREPROCESS_HUGGINGFACE
		                  ? (float)((double)i * config->rescale_factor)
		                  : (float)i / 255.0f;
		value = config->rescale_offset ? value - 1 : value;
		value = (value - mean) / std;
		values[i] = config->std_twice ? value / std : value;
	}
}

void preprocess_normalize(float *pixels, const uint8_t *rgb, const struct preprocess_config *config,
                          size_t image_size)
{
	const size_t n = image_size * image_size;
	for (size_t c = 0; c < 3; c++) {
		float values[256];
		normalized_values(values, c, config);
		for (size_t i = 0; i < n; i++)
			pixels[c * n + i] = values[rgb[3 * i + c]];
	}
}
