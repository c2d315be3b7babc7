/* Whether the sizes of a config fit each other. */
#include "model/config_check.h"

#include "model/tower_models.h"

#include <math.h>

clipcls_status transformer_config_check(const struct transformer_config *transformer,
                                        const char *tower, const char *path, clipcls_error *error)
{
	if (transformer->width % transformer->heads != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: %s tower: width %zu is not a multiple of %zu heads", path, tower,
		                 transformer->width, transformer->heads);
	if (!(transformer->layer_norm_eps >= 0 && transformer->layer_norm_eps < 1))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: %s tower: layer norm eps is out of range",
		                 path, tower);
	return CLIPCLS_OK;
}

static clipcls_status check_size(const char *what, size_t value, size_t limit, const char *path,
                                 clipcls_error *error)
{
	if (value > 0 && value <= limit)
		return CLIPCLS_OK;
	return error_set(error, CLIPCLS_ERR_FORMAT, "%s: %s of %zu is out of range", path, what, value);
}

static clipcls_status check_preprocess(const struct preprocess_config *preprocess,
                                       size_t image_size, const char *path, clipcls_error *error)
{
	clipcls_status status =
	    check_size("resize height", preprocess->resize_height, PIXEL_SIZE_LIMIT, path, error);
	if (status == CLIPCLS_OK)
		status =
		    check_size("resize width", preprocess->resize_width, PIXEL_SIZE_LIMIT, path, error);
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
	const struct tower_model *image = family_image_tower(config), *text = family_text_tower(config);
	clipcls_status status =
	    check_size("projection_dim", config->projection_dim, SIZE_LIMIT, path, error);
	if (status == CLIPCLS_OK)
		status = config_fields_check(&image->fields, &config->vision, "image", path, error);
	if (status == CLIPCLS_OK)
		status = config_fields_check(&text->fields, &config->text, "text", path, error);
	if (status == CLIPCLS_OK)
		status = image->check(&config->vision, path, error);
	if (status == CLIPCLS_OK)
		status = text->check(&config->text, path, error);
	if (status == CLIPCLS_OK)
		status = check_preprocess(&config->preprocess, config->vision.image_size, preprocess_path,
		                          error);
	return status;
}
