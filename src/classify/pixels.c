/* Pictures that are already the image tower's input. */
#include "classify/model.h"

#include "base/checked.h"

struct pixels_job {
	const clipcls_model *model;
	const float *pixels; /* (n, 3, S, S) */
	float *out;          /* (n, E) */
	size_t n, batch;
};

static void run_batch(void *context, size_t task, size_t worker)
{
	const struct pixels_job *job = context;
	const clipcls_model *model = job->model;
	size_t S = checkpoint_config(model->checkpoint)->vision.image_size;
	size_t first = task * job->batch, n = size_min(job->batch, job->n - first);
	image_tower_forward(job->out + first * clipcls_model_embedding_size(model),
	                    job->pixels + first * 3 * S * S, n, model->image_tower,
	                    &model->image_workers[worker].arena, NULL);
}

clipcls_status clipcls_embed_pixels(clipcls_model *model, const float *pixels, size_t n, float *out,
                                    clipcls_error *error)
{
	clipcls_status status = model_need_images(model, error);
	if (status != CLIPCLS_OK || n == 0)
		return status;
	model_expect_images(model, n);
	/* A lone picture's products are shared out over all threads instead. */
	if (n == 1) {
		image_tower_forward(out, pixels, 1, model->image_tower, &model->image_workers[0].arena,
		                    model->pool);
		return checkpoint_intact(model->checkpoint, error);
	}
	struct pixels_job job = {
		.model = model,
		.pixels = pixels,
		.out = out,
		.n = n,
		.batch = model_batch_for(model, n),
	};
	pool_run(model->pool, (n + job.batch - 1) / job.batch, run_batch, &job);
	return checkpoint_intact(model->checkpoint, error);
}
