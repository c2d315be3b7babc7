#include "cli/labelled/shots.h"

#include <stdlib.h>
#include <string.h>

/* splitmix64 (Steele, Lea, Flood 2014): the next number of a stream. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Below n: the upper half of the product. */
static size_t random_below(uint64_t *state, size_t n)
{
	return (size_t)((unsigned __int128)next_random(state) * n >> 64);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

/* A stream of its own for each class: what one gets does not depend on the others. */
static void rank_class(struct example **members, size_t n, uint64_t state)
{
	for (size_t i = n; i > 1; i--) {
		size_t other = random_below(&state, i);
		struct example *member = members[i - 1];
		members[i - 1] = members[other];
		members[other] = member;
	}
	for (size_t i = 0; i < n; i++)
		members[i]->rank = i;
}

bool shots_rank(struct dataset *dataset, uint64_t seed)
{
	size_t *ends = calloc(dataset->class_count + 1, sizeof *ends);
	struct example **members = calloc(dataset->count, sizeof *members);
	bool good = ends != NULL && members != NULL;
	if (!good)
		complain("out of memory");
	/* ends[class + 1] first counts, then is where the class's next member goes, at last its end. */
	for (size_t i = 0; good && i < dataset->count; i++)
		ends[dataset->examples[i].class + 1]++;
	for (size_t i = 1; good && i <= dataset->class_count; i++)
		ends[i] += ends[i - 1];
	for (size_t i = 0; good && i < dataset->count; i++)
		members[ends[dataset->examples[i].class]++] = &dataset->examples[i];
	for (size_t i = 0; good && i < dataset->class_count; i++) {
		size_t begin = i > 0 ? ends[i - 1] : 0;
		rank_class(members + begin, ends[i] - begin, seed ^ hash_of(dataset->classes[i]));
	}
	free(ends);
	free(members);
	return good;
}

void shots_keep(struct dataset *dataset, size_t shots)
{
	size_t kept = 0;
	for (size_t i = 0; i < dataset->count; i++) {
		if (dataset->examples[i].rank < shots)
			dataset->examples[kept++] = dataset->examples[i];
		else
			free(dataset->examples[i].path);
	}
	dataset->count = kept;
}

size_t shots_most(const struct dataset *dataset)
{
	size_t most = 0;
	for (size_t i = 0; i < dataset->count; i++)
		if (dataset->examples[i].rank >= most)
			most = dataset->examples[i].rank + 1;
	return most;
}

clipcls_status shots_train(clipcls_probe **out, size_t *pictures, const struct dataset *dataset,
                           const float *rows, size_t shots, const clipcls_labels *labels,
                           const struct session *session, clipcls_error *error)
{
	size_t E = clipcls_model_embedding_size(session->model), n = 0;
	float *chosen = reallocarray(NULL, dataset->count, E * sizeof *chosen); /* (n, E) */
	size_t *classes = reallocarray(NULL, dataset->count, sizeof *classes);  /* (n) */
	clipcls_status status = CLIPCLS_ERR_MEMORY;
	*out = NULL;
	if (chosen == NULL || classes == NULL) {
		memory_error(error);
		goto cleanup;
	}
	for (size_t i = 0; i < dataset->count; i++) {
		if (shots > 0 && dataset->examples[i].rank >= shots)
			continue;
		memcpy(chosen + n * E, rows + i * E, E * sizeof *chosen);
		classes[n++] = dataset->examples[i].class;
	}
	*pictures = n;
	status = clipcls_probe_train(out, session->model, chosen, classes, n, labels,
	                             session->options->c, error);
cleanup:
	free(chosen);
	free(classes);
	return status;
}
