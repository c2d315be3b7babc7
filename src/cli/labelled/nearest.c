#include "cli/labelled/nearest.h"

#include <stdlib.h>
#include <string.h>

/* Copies the rows of allowed labels, and says in places which they are. Returns how many. */
static size_t pick_allowed(float *rows, size_t *places, const struct label_rows *labels)
{
	size_t E = clipcls_model_embedding_size(labels->model), n = 0;
	for (size_t i = 0; i < labels->L; i++) {
		if (labels->allowed != NULL && !labels->allowed[i])
			continue;
		memcpy(rows + n * E, labels->rows + i * E, E * sizeof *rows);
		places[n++] = i;
	}
	return n;
}

bool nearest_labels(struct nearest *out, const float *pictures, size_t n,
                    const struct label_rows *labels)
{
	size_t E = clipcls_model_embedding_size(labels->model);
	float *rows = reallocarray(NULL, labels->L, E * sizeof *rows);
	size_t *places = calloc(labels->L, sizeof *places);
	clipcls_hit *hits = reallocarray(NULL, n, 2 * sizeof *hits);
	bool good = rows != NULL && places != NULL && hits != NULL;
	if (good) {
		size_t allowed = pick_allowed(rows, places, labels), found = allowed < 2 ? allowed : 2;
		good =
		    clipcls_search(hits, labels->model, rows, allowed, pictures, n, 2, NULL) == CLIPCLS_OK;
		for (size_t i = 0; good && i < n; i++) {
			const clipcls_hit *two = hits + i * found;
			out[i] = (struct nearest){
				.first = found > 0 ? places[two[0].index] : labels->L,
				.second = found > 1 ? places[two[1].index] : labels->L,
			};
		}
	}
	free(rows);
	free(places);
	free(hits);
	return good;
}
