#include "classify/model.h"

#include "base/checked.h"
#include "base/file.h"
#include "base/memory.h"
#include "classify/decode.h"
#include "image/preprocess.h"
#include "model/builtin.h"
#include "nn/blas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From this forward pass on the weights are put where the kernels read them fastest: that costs
 * about as much as it saves on so many passes. */
#define SETTLED_FROM 8
/* That decoding a picture may take in a sandbox, unless the caller says: far more than any real one
 * does. */
#define DECODE_SECONDS 60

static clipcls_status open_checkpoint(struct checkpoint **out, const char *name, const char *layout,
                                      clipcls_error *error)
{
	if (name == NULL) {
		size_t size;
		const void *bytes = builtin_model(&size);
		return checkpoint_open_memory(out, bytes, size, BUILTIN_MODEL_NAME, error);
	}
	char *path = NULL;
	clipcls_status status = model_locate(&path, name, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_open(out, path, layout, error);
	free(path);
	return status;
}

clipcls_status clipcls_model_path(char **out, const char *name, clipcls_error *error)
{
	return model_locate(out, name, error);
}

/* Forks the processes that decode, while this one is small and has no threads. */
static clipcls_status open_sandbox(clipcls_model *model, const clipcls_model_options *options,
                                   clipcls_error *error)
{
	const char *wanted = options->sandbox != NULL ? options->sandbox : "none";
	bool required = strcmp(wanted, "require") == 0;
	double seconds = options->decode_seconds > 0 ? options->decode_seconds : DECODE_SECONDS;
	size_t workers = options->threads > 0 ? options->threads : pool_default_threads();
	size_t pixels = options->decode_pixels > 0 ? options->decode_pixels : PREPROCESS_MAX_PIXELS;
	unsigned protection = 0;
	struct buffer text = { 0 };
	snprintf(model->sandbox, sizeof model->sandbox, "none");
	if (strcmp(wanted, "none") == 0)
		return CLIPCLS_OK;
	if (!required && strcmp(wanted, "auto") != 0)
		return error_set(error, CLIPCLS_ERR_ARGUMENT,
		                 "sandbox \"%s\" is none of none, auto, require", wanted);
	clipcls_status status = decode_jail(&model->jail, checkpoint_config(model->checkpoint), workers,
	                                    seconds, pixels, error);
	if (status == CLIPCLS_OK)
		status = jail_protection(&protection, model->jail, error);
	model->confined = (protection & CONFINED_SECCOMP) != 0;
	if (status == CLIPCLS_OK && required && !model->confined)
		status = error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                   "no sandbox: system calls cannot be filtered here");
	if (status == CLIPCLS_OK) {
		decode_describe(&text, protection);
		snprintf(model->sandbox, sizeof model->sandbox, "%s", text.failed ? "" : text.bytes);
		buffer_free(&text);
		return CLIPCLS_OK;
	}
	jail_free(model->jail);
	model->jail = NULL;
	return required ? status : CLIPCLS_OK;
}

const char *clipcls_model_sandbox(const clipcls_model *model)
{
	return model->sandbox;
}

int clipcls_model_is_confined(const clipcls_model *model)
{
	return model->confined;
}

clipcls_status clipcls_model_open(clipcls_model **out, const char *name,
                                  const clipcls_model_options *options, clipcls_error *error)
{
	static const clipcls_model_options defaults = { 0 };
	options = options != NULL ? options : &defaults;
	*out = NULL;
	clipcls_model *model = memory_new(1, sizeof *model);
	if (model == NULL)
		return error_memory(error);
	clipcls_status status = open_checkpoint(&model->checkpoint, name, options->layout, error);
	if (status == CLIPCLS_OK)
		status = open_sandbox(model, options, error);
	if (status == CLIPCLS_OK)
		status = pool_new(&model->pool, options->threads, error);
	if (status == CLIPCLS_OK && options->cache_directory != NULL) {
		model->cache_directory =
		    memory_string(options->cache_directory, strlen(options->cache_directory));
		status = model->cache_directory != NULL ? CLIPCLS_OK : error_memory(error);
	}
	if (status == CLIPCLS_OK)
		status = precision_parse(&model->precision, options->precision, error);
	if (status != CLIPCLS_OK) {
		clipcls_model_free(model);
		return status;
	}
	blas_setup();
	model->batch = options->batch > 0 ? options->batch
	                                  : image_tower_batch(checkpoint_config(model->checkpoint));
	*out = model;
	return CLIPCLS_OK;
}

clipcls_status clipcls_cache_directory(char **out, clipcls_error *error)
{
	struct buffer path = { 0 };
	*out = NULL;
	if (!user_directory(&path, "XDG_CACHE_HOME", "/.cache"))
		return CLIPCLS_OK;
	buffer_text(&path, "/clipcls");
	if (path.failed) {
		buffer_free(&path);
		return error_memory(error);
	}
	*out = path.bytes;
	return CLIPCLS_OK;
}

static void free_image_workers(clipcls_model *model)
{
	for (size_t i = 0; model->image_workers != NULL && i < pool_threads(model->pool); i++) {
		free(model->image_workers[i].pixels);
		free(model->image_workers[i].rgb);
		arena_free(&model->image_workers[i].arena);
	}
	free(model->image_workers);
	model->image_workers = NULL;
}

void clipcls_model_free(clipcls_model *model)
{
	if (model == NULL)
		return;
	free_image_workers(model);
	image_tower_free(model->image_tower);
	text_tower_free(model->text_tower);
	tokenizer_free(model->tokenizer);
	pool_free(model->pool);
	jail_free(model->jail);
	checkpoint_free(model->checkpoint);
	free(model->cache_directory);
	free(model);
}

size_t clipcls_model_embedding_size(const clipcls_model *model)
{
	return checkpoint_config(model->checkpoint)->projection_dim;
}

static clipcls_status make_image_worker(struct image_worker *worker, const clipcls_model *model,
                                        clipcls_error *error)
{
	size_t S = checkpoint_config(model->checkpoint)->vision.image_size, batch = model->batch;
	size_t picture, pixels;
	/* A lone picture is spread over all threads, a batch belongs to one: the arena serves both. */
	size_t shared = image_tower_scratch(model->image_tower, 1, pool_threads(model->pool));
	size_t scratch = size_max(image_tower_scratch(model->image_tower, batch, 1), shared);
	if (!size_mul(S, S * 3, &picture) || !size_mul(picture, batch, &pixels))
		return error_memory(error);
	worker->pixels = memory_floats(pixels);
	worker->rgb = memory_new(decode_bytes(S, CLIPCLS_THUMBNAIL_LIMIT), 1);
	if (worker->pixels == NULL || worker->rgb == NULL)
		return error_memory(error);
	return arena_init(&worker->arena, scratch, error);
}

/* Most runs encode their labels, then pictures to the end: the text tower, more than a third of a
 * model, need not stay. It comes back when it is asked for. */
static void drop_text_tower(clipcls_model *model)
{
	if (model->text_tower == NULL)
		return;
	text_tower_free(model->text_tower);
	model->text_tower = NULL;
	checkpoint_release(model->checkpoint, "text_", model->pool);
}

static clipcls_status load_image_tower(clipcls_model *model, clipcls_error *error)
{
	drop_text_tower(model);
	/* "auto" computes in f32 before it chooses. */
	enum weight_form form = model->precision == PRECISION_F32    ? WEIGHTS_FAST
	                        : model->precision == PRECISION_AUTO ? WEIGHTS_ROWS
	                                                             : WEIGHTS_STORED;
	clipcls_status status =
	    image_tower_load(&model->image_tower, model->checkpoint, form, model->pool, error);
	size_t S = checkpoint_config(model->checkpoint)->vision.image_size;
	if (status == CLIPCLS_OK)
		status = precision_apply(&model->precision, model->image_tower, S,
		                         clipcls_model_embedding_size(model), model->pool, error);
	if (status != CLIPCLS_OK) {
		image_tower_free(model->image_tower);
		model->image_tower = NULL;
	}
	return status;
}

const char *clipcls_model_precision(const clipcls_model *model)
{
	return precision_name(model->precision);
}

clipcls_status model_need_images(clipcls_model *model, clipcls_error *error)
{
	if (model->image_workers != NULL)
		return CLIPCLS_OK;
	clipcls_status status = CLIPCLS_OK;
	if (model->image_tower == NULL)
		status = load_image_tower(model, error);
	if (status != CLIPCLS_OK)
		return status;
	size_t threads = pool_threads(model->pool);
	model->image_workers = memory_new(threads, sizeof *model->image_workers);
	if (model->image_workers == NULL)
		return error_memory(error);
	for (size_t i = 0; status == CLIPCLS_OK && i < threads; i++)
		status = make_image_worker(&model->image_workers[i], model, error);
	if (status != CLIPCLS_OK)
		free_image_workers(model);
	return status;
}

size_t model_batch_for(const clipcls_model *model, size_t n)
{
	size_t threads = pool_threads(model->pool), share = (n + threads - 1) / threads;
	size_t rounds = (share + model->batch - 1) / model->batch;
	return (share + rounds - 1) / rounds;
}

void model_expect_images(clipcls_model *model, size_t n)
{
	size_t batch = model_batch_for(model, n);
	model->passes += (n + batch - 1) / batch;
	if (model->passes >= SETTLED_FROM)
		image_tower_settle(model->image_tower, model->pool);
}

clipcls_status clipcls_model_prepare(clipcls_model *model, clipcls_error *error)
{
	clipcls_status status = model_need_images(model, error);
	if (status == CLIPCLS_OK)
		image_tower_settle(model->image_tower, model->pool);
	return status;
}

clipcls_status model_need_texts(clipcls_model *model, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(model->checkpoint);
	clipcls_status status = CLIPCLS_OK;
	if (model->tokenizer == NULL)
		status = tokenizer_new(&model->tokenizer, checkpoint_tokenizer_files(model->checkpoint),
		                       &config->tokenizer, config->text.vocab_size, error);
	if (status == CLIPCLS_OK && model->text_tower == NULL)
		status = text_tower_load(&model->text_tower, model->checkpoint, model->pool, error);
	return status;
}

clipcls_status model_logits(struct logits *out, clipcls_model *model, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(model->checkpoint);
	const float *scale = NULL, *bias = NULL;
	struct weight_request requests[2] = { { .out = &scale },
		                                  { .out = &bias, .name = "logit_bias" } };
	bool temperature = config->logit_scale == LOGIT_SCALE_TEMPERATURE;
	snprintf(requests[0].name, sizeof requests[0].name, "%s",
	         temperature ? "temperature" : "logit_scale");
	clipcls_status status =
	    checkpoint_weights(model->checkpoint, requests, config->logit_bias ? 2 : 1, NULL, error);
	if (status == CLIPCLS_OK && temperature && *scale == 0)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: temperature is 0",
		                   checkpoint_path(model->checkpoint));
	if (status == CLIPCLS_OK)
		*out = (struct logits){ .scale = temperature ? 1.0 / *scale : exp(*scale),
			                    .bias = config->logit_bias ? *bias : 0,
			                    .sigmoid = config->logit_bias };
	return status == CLIPCLS_OK ? checkpoint_intact(model->checkpoint, error) : status;
}

clipcls_status clipcls_model_own_labels(clipcls_labels **out, clipcls_model *model,
                                        clipcls_error *error)
{
	size_t size;
	const char *names = checkpoint_class_names(model->checkpoint, &size);
	const char *path = checkpoint_path(model->checkpoint);
	*out = NULL;
	if (names == NULL)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: carries no class names", path);
	clipcls_status status = clipcls_labels_new(out, error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_add_text(*out, names, size, path, error);
	if (status != CLIPCLS_OK) {
		clipcls_labels_free(*out);
		*out = NULL;
	}
	return status;
}
