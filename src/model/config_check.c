/* Whether the sizes of a config fit each other. */
#include "model/config_check.h"

#include <math.h>

/* Far above any tower, and small enough that products of two sizes fit. */
#define SIZE_LIMIT ((size_t)1 << 31)
/* A picture is resized to this many pixels a side before any tensor can contradict it. */
#define PIXEL_SIZE_LIMIT ((size_t)16384)

struct bound {
	const char *what;
	size_t value, limit;
};

static clipcls_status check_bounds(const struct bound *bounds, size_t n, const char *path,
                                   clipcls_error *error)
{
	for (size_t i = 0; i < n; i++)
		if (bounds[i].value == 0 || bounds[i].value > bounds[i].limit)
			return error_set(error, CLIPCLS_ERR_FORMAT, "%s: %s of %zu is out of range", path,
			                 bounds[i].what, bounds[i].value);
	return CLIPCLS_OK;
}

static clipcls_status check_transformer(const struct transformer_config *transformer,
                                        const char *tower, const char *path, clipcls_error *error)
{
	const struct bound bounds[] = {
		{ "width", transformer->width, SIZE_LIMIT },
		{ "number of layers", transformer->layers, SIZE_LIMIT },
		{ "number of heads", transformer->heads, SIZE_LIMIT },
		{ "MLP width", transformer->mlp_width, SIZE_LIMIT },
	};
	clipcls_status status = check_bounds(bounds, sizeof bounds / sizeof *bounds, path, error);
	if (status != CLIPCLS_OK)
		return status;
	if (transformer->width % transformer->heads != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: %s tower: width %zu is not a multiple of %zu heads", path, tower,
		                 transformer->width, transformer->heads);
	if (!(transformer->layer_norm_eps >= 0 && transformer->layer_norm_eps < 1))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: %s tower: layer norm eps is out of range",
		                 path, tower);
	return CLIPCLS_OK;
}

static clipcls_status check_preprocess(const struct preprocess_config *preprocess,
                                       size_t image_size, const char *path, clipcls_error *error)
{
	const struct bound bounds[] = {
		{ "resize height", preprocess->resize_height, PIXEL_SIZE_LIMIT },
		{ "resize width", preprocess->resize_width, PIXEL_SIZE_LIMIT },
	};
	clipcls_status status = check_bounds(bounds, sizeof bounds / sizeof *bounds, path, error);
	if (status != CLIPCLS_OK)
		return status;
	bool squash = preprocess->do_resize && preprocess->resize_mode == RESIZE_SQUASH;
	size_t height =
	    preprocess->do_center_crop ? preprocess->crop_height : preprocess->resize_height;
	size_t width = preprocess->do_center_crop ? preprocess->crop_width : preprocess->resize_width;
	if ((preprocess->do_center_crop || squash) && (height != image_size || width != image_size))
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: preprocessing gives pictures of %zux%zu, the image tower takes "
		                 "%zux%zu",
		                 path, width, height, image_size, image_size);
	bool finite = isfinite(preprocess->rescale_factor);
	for (size_t i = 0; i < 3; i++)
		finite = finite && isfinite(preprocess->mean[i]) && isfinite(preprocess->std[i]) &&
		         preprocess->std[i] > 0;
	return finite ? CLIPCLS_OK
	              : error_set(error, CLIPCLS_ERR_FORMAT,
	                          "%s: mean, std or rescale factor is out of range", path);
}

clipcls_status model_config_check(const struct model_config *config, const char *path,
                                  const char *preprocess_path, clipcls_error *error)
{
	const struct bound bounds[] = {
		{ "projection_dim", config->projection_dim, SIZE_LIMIT },
		{ "image_size", config->vision.image_size, PIXEL_SIZE_LIMIT },
		{ "patch_size", config->vision.patch_size, PIXEL_SIZE_LIMIT },
		{ "vocab_size", config->text.vocab_size, SIZE_LIMIT },
		{ "context_length", config->text.context_length, SIZE_LIMIT },
	};
	clipcls_status status = check_bounds(bounds, sizeof bounds / sizeof *bounds, path, error);
	if (status == CLIPCLS_OK)
		status = check_transformer(&config->vision.transformer, "image", path, error);
	if (status == CLIPCLS_OK)
		status = check_transformer(&config->text.transformer, "text", path, error);
	if (status == CLIPCLS_OK && config->vision.image_size % config->vision.patch_size != 0)
		status = error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                   "%s: image_size %zu is not a multiple of patch_size %zu", path,
		                   config->vision.image_size, config->vision.patch_size);
	if (status == CLIPCLS_OK && config->text.context_length < 2)
		status = error_set(error, CLIPCLS_ERR_FORMAT,
		                   "%s: context_length leaves no room for start and end", path);
	if (status == CLIPCLS_OK)
		status = check_preprocess(&config->preprocess, config->vision.image_size, preprocess_path,
		                          error);
	return status;
}
