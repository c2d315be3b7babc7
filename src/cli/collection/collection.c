#include "cli/collection/collection.h"

#include "base/clock.h"
#include "cli/interrupt.h"
#include "cli/collection/save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was encoded is saved once a minute, or less often where saving would take more than a
 * twentieth of the time. */
#define SAVE_SECONDS 60
#define SAVE_SHARE 20

static bool out_of_memory(struct collection *collection)
{
	complain("out of memory");
	collection->broken = true;
	return false;
}

clipcls_status collection_open(struct collection *collection, const struct session *session,
                               const char *path, clipcls_error *error)
{
	const struct options *options = session->options;
	const clipcls_image_options *image = &options->image;
	char background[8] = "none";
	*collection = (struct collection){ .session = session, .path = path };
	if (image->has_background)
		snprintf(background, sizeof background, "#%02x%02x%02x", image->background[0],
		         image->background[1], image->background[2]);
	snprintf(collection->note, sizeof collection->note,
	         "precision %s, exif %s, background %s, decoding %s",
	         options->precision != NULL ? options->precision : "f32",
	         image->ignore_exif ? "ignored" : "applied", background,
	         image->fast_decode ? "fast" : "exact");
	return path != NULL ? save_reopen(collection, true, error) : CLIPCLS_OK;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static bool add_picture(struct collection *collection, struct picture picture)
{
	if (collection->count == collection->capacity) {
		size_t capacity = collection->capacity > 0 ? 2 * collection->capacity : 256;
		struct picture *grown = reallocarray(collection->pictures, capacity, sizeof *grown);
		if (grown == NULL)
			return out_of_memory(collection);
		collection->pictures = grown;
		collection->capacity = capacity;
	}
	picture.path = strdup(picture.path);
	if (picture.path == NULL)
		return out_of_memory(collection);
	collection->pictures[collection->count++] = picture;
	return true;
}

/* Whether the index has this picture, unchanged; says where. */
static bool is_saved(struct collection *collection, struct picture *picture)
{
	clipcls_error error;
	int found = 0;
	if (collection->index == NULL)
		return false;
	if (clipcls_index_find(&found, &picture->row, collection->index, picture->path, &error) !=
	    CLIPCLS_OK)
		return out_of_memory(collection);
	if (!found)
		return false;
	clipcls_entry entry = clipcls_index_entry(collection->index, picture->row);
	collection->met[picture->row] = true;
	return entry.size == picture->size && entry.modified_ns == picture->modified_ns;
}

/* Whether an input need not be encoded. */
static bool take_input(void *user, const clipcls_input *input)
{
	struct collection *collection = user;
	struct picture picture = { .path = (char *)(uintptr_t)input->path };
	struct stat st;
	if (collection->path != NULL && input->bytes != NULL) {
		complain("%s: is no file, and cannot be kept in an index", input->path);
		collection->failed++;
		return true;
	}
	if (path_set_has(&collection->seen, input->path))
		return true;
	if (!path_set_add(&collection->seen, input->path, strlen(input->path))) {
		collection->broken = true;
		return true;
	}
	/* Before the file is read: what is written to it from now on changes its time again. */
	if (input->bytes == NULL && stat(input->path, &st) == 0) {
		picture.size = (uint64_t)st.st_size;
		picture.modified_ns = st.st_mtim.tv_sec * (int64_t)1000000000 + st.st_mtim.tv_nsec;
	}
	if (is_saved(collection, &picture))
		picture.state = PICTURE_SAVED;
	return !add_picture(collection, picture) || picture.state == PICTURE_SAVED;
}

static int next_input(void *user, clipcls_input *out)
{
	struct collection *collection = user;
	if (collection->broken || interrupt_asked())
		return CLIPCLS_NEXT_END;
	return feed_next(&collection->feed, out, take_input, collection);
}

/* ---- records -------------------------------------------------------------------------------- */

static bool add_embedding(struct collection *collection, const float *embedding)
{
	size_t E = clipcls_model_embedding_size(collection->session->model);
	if (collection->fresh_count == collection->fresh_capacity) {
		size_t capacity = collection->fresh_capacity > 0 ? 2 * collection->fresh_capacity : 256;
		float *grown = reallocarray(collection->fresh, capacity, E * sizeof *grown);
		if (grown == NULL)
			return out_of_memory(collection);
		collection->fresh = grown;
		collection->fresh_capacity = capacity;
	}
	memcpy(collection->fresh + collection->fresh_count++ * E, embedding, E * sizeof *embedding);
	return true;
}

static bool save_is_due(const struct collection *collection)
{
	double passed = clock_seconds() - collection->saved_at;
	return collection->path != NULL && passed > SAVE_SECONDS &&
	       passed > SAVE_SHARE * collection->save_seconds;
}

static int take_record(void *user, const clipcls_record *record)
{
	struct collection *collection = user;
	bool failed = record->status != CLIPCLS_OK;
	while (collection->pictures[collection->delivered].state != PICTURE_WAITS)
		collection->delivered++;
	struct picture *picture = &collection->pictures[collection->delivered++];
	progress_erase(&collection->progress);
	if (failed) {
		complain("%s: %s", record->path, record->message);
		picture->state = PICTURE_FAILED;
		collection->failed++;
	} else if (add_embedding(collection, record->embedding)) {
		picture->state = PICTURE_FRESH;
		picture->row = collection->fresh_count - 1;
		collection->encoded++;
	}
	progress_advance(&collection->progress, failed);
	feed_delivered(&collection->feed);
	if (!collection->broken && save_is_due(collection))
		collection->broken = !save_all(collection, true);
	return collection->broken;
}

/* Those that have no embedding. */
static void drop_failed(struct collection *collection)
{
	size_t kept = 0;
	for (size_t i = 0; i < collection->count; i++) {
		const struct picture *picture = &collection->pictures[i];
		if (picture->state == PICTURE_SAVED || picture->state == PICTURE_FRESH)
			collection->pictures[kept++] = *picture;
		else
			free(picture->path);
	}
	collection->count = kept;
}

enum exit_code collection_fill(struct collection *collection, const struct options *options)
{
	clipcls_error error = { 0 };
	double start = clock_seconds();
	bool good = feed_open(&collection->feed, options);
	collection->saved_at = start;
	progress_begin(&collection->progress, options, isatty(STDOUT_FILENO));
	if (good && collection->progress.shown)
		collection->progress.total = inputs_count(options);
	if (collection->path != NULL)
		interrupt_catch();
	if (good && clipcls_embed_files(collection->session->model, &options->image, next_input,
	                                take_record, collection, &error) != CLIPCLS_OK) {
		good = false;
		if (error.status != CLIPCLS_ERR_STOPPED)
			complain_error(&error);
	}
	progress_erase(&collection->progress);
	good = good && !collection->broken && !feed_failed(&collection->feed);
	/* What an unfinished run did not come to stays in the index. */
	if (collection->path != NULL && !save_all(collection, !good || interrupt_asked()))
		good = false;
	interrupt_end();
	if (options->verbose)
		complain("%zu pictures, %zu of them encoded in %.3f s, %zu failed", collection->count,
		         collection->encoded, clock_seconds() - start, collection->failed);
	drop_failed(collection);
	if (!good)
		return EXIT_FATAL;
	return collection->failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

/* ---- results -------------------------------------------------------------------------------- */

size_t collection_count(const struct collection *collection)
{
	return collection->count;
}

/* Saved or not at all: embeddings are in one place. */
const float *collection_rows(const struct collection *collection)
{
	return collection->path != NULL ? clipcls_index_embeddings(collection->index)
	                                : collection->fresh;
}

const char *collection_path(const struct collection *collection, size_t i)
{
	return collection->pictures[i].path;
}

clipcls_status collection_intact(const struct collection *collection, clipcls_error *error)
{
	return collection->index != NULL ? clipcls_index_intact(collection->index, error) : CLIPCLS_OK;
}

void collection_close(struct collection *collection)
{
	for (size_t i = 0; i < collection->count; i++)
		free(collection->pictures[i].path);
	free(collection->pictures);
	free(collection->fresh);
	free(collection->met);
	path_set_free(&collection->seen);
	feed_close(&collection->feed);
	clipcls_index_free(collection->index);
	*collection = (struct collection){ 0 };
}
