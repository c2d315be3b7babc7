/* What a model computes, and how long the steps before its image tower take. */
#include "base/clock.h"
#include "classify/model.h"

#include "base/memory.h"
#include "image/preprocess.h"

#include <stdlib.h>

void clipcls_model_work(const clipcls_model *model, clipcls_work *out)
{
	struct image_tower_work work;
	image_tower_work(&work, checkpoint_config(model->checkpoint));
	*out = (clipcls_work){
		.threads = pool_threads(model->pool),
		.batch = model->batch,
		.picture_flops = work.computed,
		.tower_flops = work.defined,
	};
}

clipcls_status clipcls_measure_picture(clipcls_model *model, const void *bytes, size_t size,
                                       const clipcls_image_options *options,
                                       clipcls_picture_times *out, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(model->checkpoint);
	const struct image_limits unlimited = { .max_pixels = SIZE_MAX };
	size_t S = config->vision.image_size;
	uint8_t *rgb = memory_new(S * S, 3);
	float *pixels = memory_floats(3 * S * S);
	struct image *image = NULL;
	clipcls_status status = CLIPCLS_OK;
	*out = (clipcls_picture_times){ 0 };
	if (rgb == NULL || pixels == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	/* The whole way first: it keeps the limits that decoding alone is then spared. */
	double start = clock_seconds();
	status = preprocess_rgb(rgb, bytes, size, &config->preprocess, S, options, "image", error);
	if (status != CLIPCLS_OK)
		goto cleanup;
	double whole = clock_seconds();
	preprocess_normalize(pixels, rgb, &config->preprocess, S);
	double normalized = clock_seconds();
	status = image_decode(&image, bytes, size, &unlimited, "image", error);
	double decoded = clock_seconds();
	if (status != CLIPCLS_OK)
		goto cleanup;
	out->decode = decoded - normalized;
	out->resize = whole - start > out->decode ? whole - start - out->decode : 0;
	out->normalize = normalized - whole;
	out->width = image->width;
	out->height = image->height;
cleanup:
	image_free(image);
	free(pixels);
	free(rgb);
	return status;
}
