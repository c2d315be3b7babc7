/* What a model computes, and how long the steps before its image tower take. */
#include "base/clock.h"
#include "classify/model.h"

#include "base/memory.h"
#include "image/preprocess.h"

#include <stdlib.h>

/* T tokens, D width, F mlp_width, P patch_size, E embedding. */

/* One block of which `rows` of T tokens are wanted: keys and values are needed for all. */
static double block_flops(const struct transformer_config *config, double T, double rows)
{
	double D = (double)config->width, F = (double)config->mlp_width;
	double keys_values = 2 * 2 * T * D * D, queries_out = 2 * 2 * rows * D * D;
	double attention = 2 * 2 * rows * T * D, mlp = 2 * 2 * rows * D * F;
	return keys_values + queries_out + attention + mlp;
}

void clipcls_model_work(const clipcls_model *model, clipcls_work *out)
{
	const struct model_config *config = checkpoint_config(model->checkpoint);
	const struct transformer_config *tower = &config->vision.transformer;
	double D = (double)tower->width, P = (double)config->vision.patch_size;
	double side = (double)config->vision.image_size / P, patches = side * side, T = 1 + patches;
	double ends = 2 * patches * 3 * P * P * D + 2 * D * (double)config->projection_dim;
	double full = block_flops(tower, T, T), last = block_flops(tower, T, 1);
	double layers = (double)tower->layers;
	*out = (clipcls_work){
		.threads = pool_threads(model->pool),
		.batch = model->batch,
		.picture_flops = ends + (layers > 0 ? (layers - 1) * full + last : 0),
		.tower_flops = ends + layers * full,
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
