#include "cli/collection/save.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static clipcls_status check(const struct collection *collection, clipcls_error *error)
{
	clipcls_status status =
	    clipcls_index_check(collection->index, collection->session->model, error);
	const char *note = clipcls_index_note(collection->index);
	if (status == CLIPCLS_OK && strcmp(note, collection->note) != 0) {
		snprintf(error->message, sizeof error->message,
		         "%s: was made with %s; this run has %s: use the same options, or another file",
		         collection->path, note, collection->note);
		status = error->status = CLIPCLS_ERR_ARGUMENT;
	}
	return status;
}

clipcls_status save_reopen(struct collection *collection, bool may_miss, clipcls_error *error)
{
	clipcls_index_free(collection->index);
	free(collection->met);
	collection->index = NULL;
	collection->met = NULL;
	if (may_miss && access(collection->path, F_OK) != 0)
		return CLIPCLS_OK;
	clipcls_status status = clipcls_index_open(&collection->index, collection->path, error);
	if (status == CLIPCLS_OK)
		status = check(collection, error);
	if (status != CLIPCLS_OK)
		return status;
	/* One more: an empty array may be NULL. */
	collection->met = calloc(clipcls_index_count(collection->index) + 1, sizeof *collection->met);
	return collection->met != NULL ? CLIPCLS_OK : memory_error(error);
}

/* Whether the index is what would be written: the same pictures in the same order. */
static bool unchanged(const struct collection *collection, bool unfinished)
{
	size_t n = 0;
	if (collection->index == NULL)
		return false;
	for (size_t i = 0; i < collection->count; i++) {
		const struct picture *picture = &collection->pictures[i];
		if (picture->state == PICTURE_FRESH ||
		    (picture->state == PICTURE_SAVED && picture->row != n))
			return false;
		n += picture->state == PICTURE_SAVED;
	}
	return unfinished || n == clipcls_index_count(collection->index);
}

/* Fills `entries` with what the index is to hold; returns how many. */
static size_t gather(clipcls_entry *entries, struct collection *collection, bool unfinished)
{
	size_t E = clipcls_model_embedding_size(collection->session->model), n = 0;
	for (size_t i = 0; i < collection->count; i++) {
		const struct picture *picture = &collection->pictures[i];
		const float *rows = picture->state == PICTURE_FRESH ? collection->fresh : NULL;
		if (picture->state == PICTURE_SAVED)
			rows = clipcls_index_embeddings(collection->index);
		if (rows != NULL)
			entries[n++] = (clipcls_entry){ picture->path, picture->size, picture->modified_ns,
				                            rows + picture->row * E };
	}
	size_t saved = collection->index != NULL ? clipcls_index_count(collection->index) : 0;
	for (size_t i = 0; unfinished && i < saved; i++)
		if (!collection->met[i])
			entries[n++] = clipcls_index_entry(collection->index, i);
	return n;
}

/* After reopening: where each picture's embedding is now. */
static void renumber(struct collection *collection)
{
	size_t n = 0;
	for (size_t i = 0; i < collection->count; i++) {
		struct picture *picture = &collection->pictures[i];
		if (picture->state != PICTURE_FRESH && picture->state != PICTURE_SAVED)
			continue;
		picture->state = PICTURE_SAVED;
		collection->met[n] = true;
		picture->row = n++;
	}
	collection->fresh_count = 0;
}

bool save_all(struct collection *collection, bool unfinished)
{
	clipcls_error error = { 0 };
	double start = clock_seconds();
	if (collection_intact(collection, &error) != CLIPCLS_OK) {
		complain_error(&error);
		return false;
	}
	if (unchanged(collection, unfinished))
		return true;
	size_t saved = collection->index != NULL ? clipcls_index_count(collection->index) : 0;
	clipcls_entry *entries = reallocarray(NULL, collection->count + saved + 1, sizeof *entries);
	if (entries == NULL) {
		complain("out of memory");
		return false;
	}
	size_t n = gather(entries, collection, unfinished);
	clipcls_status status =
	    clipcls_index_write(collection->path, collection->session->model, entries, n,
	                        collection->index, collection->note, &error);
	free(entries);
	if (status == CLIPCLS_OK)
		status = save_reopen(collection, false, &error);
	if (status != CLIPCLS_OK) {
		complain_error(&error);
		return false;
	}
	renumber(collection);
	collection->saved_at = clock_seconds();
	collection->save_seconds = collection->saved_at - start;
	return true;
}
