/* Many inputs through the image tower, in order, in bounded memory.
 *
 * Inputs are taken in windows. Inside a window each task decodes and encodes one batch from start
 * to end, so that every thread is busy whatever the mix of decoding and computing is; windows start
 * small, so that the first record comes soon, and grow. A lone input is decoded here and its
 * products are shared out over all threads instead. */
#include "classify/classifier.h"
#include "classify/decode.h"
#include "classify/model.h"

#include "base/checked.h"
#include "base/memory.h"
#include "image/preprocess.h"

#include <stdlib.h>

/* Batches per thread in the largest window. */
#define BATCHES_PER_THREAD 4
/* How much larger the next window is: small ones are slow, since their batches are. */
#define WINDOW_GROWTH 4

struct item {
	clipcls_input input;
	clipcls_status status;
	clipcls_error error;
	float *embedding;        /* (E) in the window's block */
	struct buffer thumbnail; /* a JPEG file, where the options ask for one */
	size_t thumbnail_width, thumbnail_height;
};

struct stream {
	clipcls_model *model;
	const clipcls_classifier *classifier; /* NULL: embeddings only */
	const clipcls_image_options *options;
	clipcls_record_fn record;
	void *user;
	struct item *items;      /* (capacity) */
	float *embeddings;       /* (capacity, E) */
	clipcls_result *results; /* (L) */
	size_t capacity, count, delivered;
	size_t batch; /* pictures per task in this window */
};

static bool wants_thumbnails(const struct stream *stream)
{
	return stream->options != NULL && stream->options->thumbnail_size > 0;
}

static clipcls_status keep_thumbnail(struct item *item, const struct thumbnail *thumbnail)
{
	thumbnail_encode(&item->thumbnail, thumbnail);
	item->thumbnail_width = thumbnail->width;
	item->thumbnail_height = thumbnail->height;
	return item->thumbnail.failed ? error_memory(&item->error) : CLIPCLS_OK;
}

/* Decodes items [first, first + n), encodes those that decoded. `pool`: NULL inside a task. */
static void encode_items(struct stream *stream, size_t first, size_t n, size_t worker,
                         struct pool *pool)
{
	clipcls_model *model = stream->model;
	struct image_worker *own = &model->image_workers[worker];
	const struct model_config *config = checkpoint_config(model->checkpoint);
	size_t S = config->vision.image_size, E = clipcls_model_embedding_size(model), good = 0;
	float *embeddings = stream->embeddings + first * E;
	for (size_t i = first; i < first + n; i++) {
		struct item *item = &stream->items[i];
		item->status = decode_picture(own->rgb, model->jail, worker, &item->input, config,
		                              stream->options, &item->error);
		if (item->status == CLIPCLS_OK && wants_thumbnails(stream))
			item->status = keep_thumbnail(item, decode_thumbnail(own->rgb, S));
		if (item->status != CLIPCLS_OK)
			continue;
		preprocess_normalize(own->pixels + good * 3 * S * S, own->rgb, &config->preprocess, S);
		item->embedding = embeddings + good++ * E;
	}
	if (good > 0)
		image_tower_forward(embeddings, own->pixels, good, model->image_tower, &own->arena, pool);
}

static void run_task(void *context, size_t task, size_t worker)
{
	struct stream *stream = context;
	size_t first = task * stream->batch;
	encode_items(stream, first, size_min(stream->batch, stream->count - first), worker, NULL);
}

static void encode_window(struct stream *stream)
{
	size_t n = stream->count;
	if (n == 1) {
		encode_items(stream, 0, 1, 0, stream->model->pool);
		return;
	}
	stream->batch = model_batch_for(stream->model, n);
	pool_run(stream->model->pool, (n + stream->batch - 1) / stream->batch, run_task, stream);
}

static clipcls_status deliver(struct stream *stream, clipcls_error *error)
{
	for (size_t i = 0; i < stream->count; i++) {
		struct item *item = &stream->items[i];
		bool good = item->status == CLIPCLS_OK;
		clipcls_record record = {
			.index = stream->delivered++,
			.path = item->input.path,
			.status = item->status,
			.message = good ? "" : decode_reason(item->error.message),
			.embedding = good ? item->embedding : NULL,
			.thumbnail = good ? item->thumbnail.bytes : NULL,
			.thumbnail_bytes = good ? item->thumbnail.size : 0,
			.thumbnail_width = item->thumbnail_width,
			.thumbnail_height = item->thumbnail_height,
		};
		if (good && stream->classifier != NULL) {
			clipcls_classifier_rank(stream->classifier, item->embedding, stream->results);
			record.results = stream->results;
		}
		if (stream->record(stream->user, &record) != 0)
			return error_set(error, CLIPCLS_ERR_STOPPED, "stopped by the caller");
	}
	return CLIPCLS_OK;
}

static void release_items(struct stream *stream)
{
	for (size_t i = 0; i < stream->count; i++)
		buffer_free(&stream->items[i].thumbnail);
}

static clipcls_status stream_init(struct stream *stream, clipcls_error *error)
{
	clipcls_model *model = stream->model;
	size_t E = clipcls_model_embedding_size(model), size;
	clipcls_status status = decode_check_options(stream->options, error);
	if (status == CLIPCLS_OK)
		status = model_need_images(model, error);
	if (status != CLIPCLS_OK)
		return status;
	stream->capacity = pool_threads(model->pool) * model->batch * BATCHES_PER_THREAD;
	if (!size_mul(stream->capacity, E, &size))
		return error_memory(error);
	stream->items = memory_new(stream->capacity, sizeof *stream->items);
	stream->embeddings = memory_floats(size);
	if (stream->classifier != NULL)
		stream->results =
		    memory_new(classifier_label_count(stream->classifier), sizeof *stream->results);
	if (stream->items == NULL || stream->embeddings == NULL ||
	    (stream->classifier != NULL && stream->results == NULL))
		return error_memory(error);
	return CLIPCLS_OK;
}

/* Fills a window of at most `most` inputs; fewer when the source has no more for now. False at its
 * end. */
static bool fill_window(struct stream *stream, size_t most, clipcls_next_fn next)
{
	for (stream->count = 0; stream->count < most;) {
		struct item *item = &stream->items[stream->count];
		*item = (struct item){ .status = CLIPCLS_OK };
		int said = next(stream->user, &item->input);
		if (said == CLIPCLS_NEXT_END)
			return false;
		if (said == CLIPCLS_NEXT_LATER)
			return true;
		stream->count++;
	}
	return true;
}

static clipcls_status run_stream(struct stream *stream, clipcls_next_fn next, clipcls_error *error)
{
	clipcls_status status = stream_init(stream, error);
	size_t window = size_min(pool_threads(stream->model->pool), stream->capacity);
	bool more = true;
	while (status == CLIPCLS_OK && more) {
		more = fill_window(stream, window, next);
		if (stream->count == 0)
			continue;
		model_expect_images(stream->model, stream->count);
		encode_window(stream);
		status = checkpoint_intact(stream->model->checkpoint, error);
		if (status == CLIPCLS_OK)
			status = deliver(stream, error);
		release_items(stream);
		window = size_min(WINDOW_GROWTH * window, stream->capacity);
	}
	free(stream->items);
	free(stream->embeddings);
	free(stream->results);
	return status;
}

clipcls_status clipcls_embed_files(clipcls_model *model, const clipcls_image_options *options,
                                   clipcls_next_fn next, clipcls_record_fn record, void *user,
                                   clipcls_error *error)
{
	struct stream stream = { .model = model, .options = options, .record = record, .user = user };
	return run_stream(&stream, next, error);
}

clipcls_status clipcls_classify_files(clipcls_classifier *classifier,
                                      const clipcls_image_options *options, clipcls_next_fn next,
                                      clipcls_record_fn record, void *user, clipcls_error *error)
{
	struct stream stream = { .model = classifier_model(classifier),
		                     .classifier = classifier,
		                     .options = options,
		                     .record = record,
		                     .user = user };
	return run_stream(&stream, next, error);
}
