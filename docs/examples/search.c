/* Pictures ranked for a text:
 *
 *     cc search.c $(pkg-config --cflags --libs clipcls) -o search
 *     ./search "a cat" photos/...
 *
 * prints one line a picture, best first: cosine similarity, path. What is encoded once can be
 * searched many times; clipcls_index_write keeps it in a file. */
#include <clipcls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct collection {
	char **paths;
	size_t count, given;
	size_t E;             /* length of an embedding */
	float *rows;          /* (n, E), of the pictures that could be read */
	const char **encoded; /* (n), their paths */
	size_t n;
};

static int next_picture(void *user, clipcls_input *out)
{
	struct collection *collection = user;
	if (collection->given == collection->count)
		return CLIPCLS_NEXT_END;
	*out = (clipcls_input){ .path = collection->paths[collection->given++] };
	return CLIPCLS_NEXT_GIVEN;
}

static int keep_embedding(void *user, const clipcls_record *record)
{
	struct collection *collection = user;
	if (record->status != CLIPCLS_OK) {
		fprintf(stderr, "%s: %s\n", record->path, record->message);
		return 0;
	}
	memcpy(collection->rows + collection->n * collection->E, record->embedding,
	       collection->E * sizeof *record->embedding);
	collection->encoded[collection->n++] = record->path;
	return 0;
}

/* Encodes all pictures and the text, and ranks the ones for the other. */
static clipcls_status search(clipcls_hit *hits, struct collection *collection, float *query,
                             clipcls_model *model, const char *text, clipcls_error *error)
{
	clipcls_status status =
	    clipcls_embed_files(model, NULL, next_picture, keep_embedding, collection, error);
	if (status == CLIPCLS_OK)
		status = clipcls_embed_texts(model, &text, 1, query, error);
	if (status == CLIPCLS_OK)
		status = clipcls_search(hits, model, collection->rows, collection->n, query, 1,
		                        collection->n, error);
	return status;
}

int main(int argc, char **argv)
{
	clipcls_error error;
	clipcls_model *model = NULL;
	clipcls_model_options options = { .sandbox = "auto" };

	if (argc < 3) {
		fprintf(stderr, "usage: search TEXT PICTURE...\n");
		return 2;
	}
	if (clipcls_model_open(&model, NULL, &options, &error) != CLIPCLS_OK) {
		fprintf(stderr, "%s\n", error.message);
		return 1;
	}
	struct collection collection = { .paths = argv + 2, .count = (size_t)argc - 2 };
	collection.E = clipcls_model_embedding_size(model);
	collection.rows = calloc(collection.count, collection.E * sizeof *collection.rows);
	collection.encoded = calloc(collection.count, sizeof *collection.encoded);
	float *query = calloc(collection.E, sizeof *query);
	clipcls_hit *hits = calloc(collection.count, sizeof *hits);
	clipcls_status status = CLIPCLS_ERR_MEMORY;
	if (collection.rows == NULL || collection.encoded == NULL || query == NULL || hits == NULL)
		snprintf(error.message, sizeof error.message, "out of memory");
	else
		status = search(hits, &collection, query, model, argv[1], &error);
	if (status != CLIPCLS_OK)
		fprintf(stderr, "%s\n", error.message);
	for (size_t i = 0; status == CLIPCLS_OK && i < collection.n; i++)
		printf("%.6f\t%s\n", hits[i].similarity, collection.encoded[hits[i].index]);

	free(hits);
	free(query);
	free(collection.encoded);
	free(collection.rows);
	clipcls_model_free(model);
	return status != CLIPCLS_OK || collection.n < collection.count;
}
