#include "cli/command/search_queries.h"

#include <stdlib.h>
#include <string.h>

/* Texts go the way of labels, through templates and the cache of their embeddings. A query as it
 * stands is the template "{}". */
static clipcls_status open_texts(struct session *session, const struct options *options,
                                 clipcls_error *error)
{
	clipcls_status status = clipcls_labels_new(&session->labels, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < options->queries.count; i++)
		status = clipcls_labels_add(session->labels, options->queries.items[i], NULL, 0, error);
	if (status == CLIPCLS_OK && options->templates.count + options->template_sources.count == 0) {
		status = clipcls_templates_new(&session->templates, error);
		if (status == CLIPCLS_OK)
			status = clipcls_templates_add_set(session->templates, "none", error);
	}
	return status == CLIPCLS_OK ? session_open(session, options, error) : status;
}

struct picture_queries {
	const struct strings *paths;
	float *rows;
	size_t E, given;
	bool failed;
};

static int next_picture(void *user, clipcls_input *out)
{
	struct picture_queries *pictures = user;
	if (pictures->given == pictures->paths->count)
		return CLIPCLS_NEXT_END;
	*out = (clipcls_input){ .path = pictures->paths->items[pictures->given++] };
	return CLIPCLS_NEXT_GIVEN;
}

static int take_picture(void *user, const clipcls_record *record)
{
	struct picture_queries *pictures = user;
	if (record->status != CLIPCLS_OK) {
		complain("%s: %s", record->path, record->message);
		pictures->failed = true;
		return 1;
	}
	memcpy(pictures->rows + record->index * pictures->E, record->embedding,
	       pictures->E * sizeof *pictures->rows);
	return 0;
}

static clipcls_status encode_pictures(struct queries *queries, const struct session *session,
                                      const struct options *options, clipcls_error *error)
{
	size_t E = clipcls_model_embedding_size(session->model);
	struct picture_queries pictures = { &options->pictures, queries->rows + queries->texts * E, E,
		                                0, false };
	clipcls_status status = clipcls_embed_files(session->model, &options->image, next_picture,
	                                            take_picture, &pictures, error);
	if (pictures.failed)
		error->message[0] = '\0'; /* said already */
	return status;
}

bool queries_open(struct queries *queries, struct session *session, const struct options *options)
{
	clipcls_error error = { 0 };
	*queries = (struct queries){ .count = options->queries.count + options->pictures.count,
		                         .texts = options->queries.count };
	clipcls_status status = queries->texts > 0 ? open_texts(session, options, &error)
	                                           : session_open_model(session, options, &error);
	if (status == CLIPCLS_OK) {
		size_t E = clipcls_model_embedding_size(session->model);
		queries->rows = reallocarray(NULL, queries->count, E * sizeof *queries->rows);
		if (queries->rows == NULL) {
			complain("out of memory");
			return false;
		}
		if (queries->texts > 0)
			memcpy(queries->rows, clipcls_classifier_embeddings(session->classifier),
			       queries->texts * E * sizeof *queries->rows);
		if (options->pictures.count > 0)
			status = encode_pictures(queries, session, options, &error);
	}
	if (status != CLIPCLS_OK && error.message[0] != '\0')
		complain_error(&error);
	return status == CLIPCLS_OK;
}

const char *queries_name(const struct queries *queries, const struct options *options, size_t i)
{
	return i < queries->texts ? options->queries.items[i]
	                          : options->pictures.items[i - queries->texts];
}

const char *queries_kind(const struct queries *queries, size_t i)
{
	return i < queries->texts ? "query" : "query_image";
}

void queries_free(struct queries *queries)
{
	free(queries->rows);
	*queries = (struct queries){ 0 };
}
