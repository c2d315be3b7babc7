#include "cli/labelled/template_study.h"

#include "cli/labelled/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- label embeddings ----------------------------------------------------------------------- */

static float *embeddings_of(const struct template_study *study, size_t classifier)
{
	return study->embeddings + classifier * study->L * study->E;
}

/* out: (L, E), of one template. Each has an entry of its own in the cache of label embeddings. */
static clipcls_status encode_one(float *out, const struct template_study *study,
                                 const struct session *session, const char *template,
                                 clipcls_error *error)
{
	clipcls_templates *one = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_status status = clipcls_templates_new(&one, error);
	if (status == CLIPCLS_OK)
		status = template != NULL ? clipcls_templates_add(one, template, error)
		                          : clipcls_templates_add_set(one, "simple", error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(&classifier, session->model, session->labels, one, error);
	if (status == CLIPCLS_OK)
		memcpy(out, clipcls_classifier_embeddings(classifier), study->L * study->E * sizeof *out);
	clipcls_classifier_free(classifier);
	clipcls_templates_free(one);
	return status;
}

clipcls_status template_study_encode(struct template_study *study, const struct session *session,
                                     const clipcls_templates *candidates, clipcls_error *error)
{
	*study = (struct template_study){ .model = session->model,
		                              .T = clipcls_templates_count(candidates),
		                              .L = clipcls_labels_count(session->labels),
		                              .E = clipcls_model_embedding_size(session->model) };
	clipcls_status status = CLIPCLS_OK;
	/* One classifier's are allocated by the library, which looks for overflow. */
	study->embeddings =
	    reallocarray(NULL, study->T + STUDY_MORE, study->L * study->E * sizeof *study->embeddings);
	if (study->embeddings == NULL)
		return memory_error(error);
	for (size_t i = 0; status == CLIPCLS_OK && i <= study->T; i++)
		status = encode_one(embeddings_of(study, i), study, session,
		                    clipcls_templates_text(candidates, i), error);
	return status;
}

static void add(double *sums, const float *rows, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sums[i] += rows[i];
}

/* out: (L, E) = unit length of sums + rows, as an ensemble of templates has it. rows may be NULL.
 */
static void unit_sums(float *out, const double *sums, const float *rows,
                      const struct template_study *study)
{
	for (size_t label = 0; label < study->L; label++) {
		double squares = 0;
		for (size_t i = label * study->E; i < (label + 1) * study->E; i++) {
			double sum = sums[i] + (rows != NULL ? rows[i] : 0);
			out[i] = (float)sum;
			squares += sum * sum;
		}
		float scale = (float)(1 / sqrt(squares));
		for (size_t i = label * study->E; i < (label + 1) * study->E; i++)
			out[i] *= scale;
	}
}

/* ---- pictures ------------------------------------------------------------------------------- */

/* Copies every second picture of a class, the first with it, to the front. */
static bool halve(struct template_study *study, const struct dataset *dataset,
                  const float *embeddings)
{
	size_t *seen = calloc(study->C, sizeof *seen);
	if (seen == NULL)
		return false;
	size_t to = 0;
	for (size_t half = 0; half < 2; half++) {
		memset(seen, 0, study->C * sizeof *seen);
		for (size_t i = 0; i < study->N; i++) {
			size_t class = dataset->examples[i].class;
			if (seen[class]++ % 2 != half)
				continue;
			study->class_of[to] = class;
			memcpy(study->pictures + to++ * study->E, embeddings + i * study->E,
			       study->E * sizeof *embeddings);
		}
		if (half == 0)
			study->choosing = to;
	}
	free(seen);
	return true;
}

/* hits: (n), of the first n pictures with label embeddings (L, E). scratch: (n). */
static bool classify(bool *hits, struct nearest *scratch, const struct template_study *study,
                     size_t n, const float *embeddings)
{
	struct label_rows labels = {
		.model = study->model, .rows = embeddings, .L = study->L, .allowed = study->map->allowed
	};
	if (!nearest_labels(scratch, study->pictures, n, &labels))
		return false;
	for (size_t i = 0; i < n; i++)
		hits[i] = class_map_right(study->map, study->class_of[i], scratch[i].first);
	return true;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static size_t count(const bool *hits, size_t n)
{
	size_t right = 0;
	for (size_t i = 0; i < n; i++)
		right += hits[i];
	return right;
}

/* What a choice works with. */
struct choice {
	double *sums;  /* (L, E), of the templates taken */
	bool *taken;   /* (T) */
	float *joined; /* (L, E) */
	bool *hits;    /* (choosing) */
	struct nearest *scratch;
};

/* The candidate that makes the choice best, the earlier one of equals; T when none raises
 * *right. */
static bool next_choice(size_t *best, size_t *right, struct choice *choice,
                        const struct template_study *study)
{
	*best = study->T;
	for (size_t i = 0; i < study->T; i++) {
		if (choice->taken[i])
			continue;
		unit_sums(choice->joined, choice->sums, embeddings_of(study, i), study);
		if (!classify(choice->hits, choice->scratch, study, study->choosing, choice->joined))
			return false;
		size_t n = count(choice->hits, study->choosing);
		if (n > *right) {
			*right = n;
			*best = i;
		}
	}
	return true;
}

static void take(struct template_study *study, struct choice *choice, size_t candidate)
{
	choice->taken[candidate] = true;
	study->chosen[study->chosen_count++] = candidate;
	add(choice->sums, embeddings_of(study, candidate), study->L * study->E);
}

/* Greedy: the best candidate alone, then whichever raises top-1 most, until none does. */
static bool choose(struct template_study *study, struct choice *choice)
{
	size_t best = 0, right = 0;
	for (size_t i = 0; i < study->T; i++) {
		size_t n = template_study_right(study, i, 0, study->choosing);
		if (n > right) {
			right = n;
			best = i;
		}
	}
	do {
		take(study, choice, best);
		if (!next_choice(&best, &right, choice, study))
			return false;
	} while (best < study->T);
	unit_sums(embeddings_of(study, study->T + STUDY_CHOSEN), choice->sums, NULL, study);
	return true;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static bool classify_all(struct template_study *study, struct choice *choice, size_t classifier)
{
	return classify(study->hits + classifier * study->N, choice->scratch, study, study->N,
	                embeddings_of(study, classifier));
}

static bool measure(struct template_study *study, struct choice *choice)
{
	size_t size = study->L * study->E;
	for (size_t i = 0; i < study->T; i++)
		add(choice->sums, embeddings_of(study, i), size);
	unit_sums(embeddings_of(study, study->T + STUDY_ENSEMBLE), choice->sums, NULL, study);
	memset(choice->sums, 0, size * sizeof *choice->sums);
	for (size_t i = 0; i <= study->T + STUDY_ENSEMBLE; i++)
		if (!classify_all(study, choice, i))
			return false;
	return choose(study, choice) && classify_all(study, choice, study->T + STUDY_CHOSEN);
}

bool template_study_run(struct template_study *study, const struct dataset *dataset,
                        const struct class_map *map, const float *embeddings)
{
	size_t size = study->L * study->E;
	study->map = map;
	study->N = dataset->count;
	study->C = dataset->class_count;
	study->pictures = reallocarray(NULL, study->N, study->E * sizeof *study->pictures);
	study->class_of = calloc(study->N, sizeof *study->class_of);
	study->hits = calloc(study->T + STUDY_MORE, study->N * sizeof *study->hits);
	study->chosen = calloc(study->T, sizeof *study->chosen);
	struct choice choice = { .sums = calloc(size, sizeof *choice.sums),
		                     .taken = calloc(study->T, sizeof *choice.taken),
		                     .joined = calloc(size, sizeof *choice.joined),
		                     .hits = calloc(study->N, sizeof *choice.hits),
		                     .scratch = calloc(study->N, sizeof *choice.scratch) };
	bool good = study->pictures != NULL && study->class_of != NULL && study->hits != NULL &&
	            study->chosen != NULL && choice.sums != NULL && choice.taken != NULL &&
	            choice.joined != NULL && choice.hits != NULL && choice.scratch != NULL;
	good = good && halve(study, dataset, embeddings) && measure(study, &choice);
	free(choice.sums);
	free(choice.taken);
	free(choice.joined);
	free(choice.hits);
	free(choice.scratch);
	return good;
}

void template_study_free(struct template_study *study)
{
	free(study->embeddings);
	free(study->pictures);
	free(study->class_of);
	free(study->hits);
	free(study->chosen);
	*study = (struct template_study){ 0 };
}

size_t template_study_right(const struct template_study *study, size_t classifier, size_t from,
                            size_t to)
{
	return count(study->hits + classifier * study->N + from, to - from);
}

void template_study_classes(size_t *right, const struct template_study *study, size_t classifier)
{
	const bool *hits = study->hits + classifier * study->N;
	memset(right, 0, study->C * sizeof *right);
	for (size_t i = 0; i < study->N; i++)
		right[study->class_of[i]] += hits[i];
}

/* Of n pictures a alone is right on p, b alone on q: the mean of n values 1, -1 and 0. */
double template_study_error(const struct template_study *study, size_t a, size_t b, size_t from,
                            size_t to)
{
	const bool *hits_a = study->hits + a * study->N, *hits_b = study->hits + b * study->N;
	double n = (double)(to - from), p = 0, q = 0;
	for (size_t i = from; i < to; i++) {
		p += hits_a[i] && !hits_b[i];
		q += hits_b[i] && !hits_a[i];
	}
	return n > 0 ? sqrt(p + q - (p - q) * (p - q) / n) / n : 0;
}
