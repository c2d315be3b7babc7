#include "classify/classifier.h"

#include "base/checked.h"
#include "base/memory.h"
#include "classify/label_cache.h"
#include "classify/probe.h"
#include "classify/prompts.h"
#include "nn/ops.h"
#include "text/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* L labels, E embedding. */
struct clipcls_classifier {
	clipcls_model *model;
	size_t label_count;
	float *embeddings; /* (L, E) */
	float *bias;       /* (L), a probe's; NULL = none */
	struct logits logits;
	clipcls_cache_state cache_state;
	clipcls_error cache_error;
};

struct ensemble {
	struct prompt_list prompts;
	size_t *label_of; /* (prompts) */
	size_t label_capacity;
	double *sums; /* (L, E) */
	size_t E;
};

static clipcls_status add_prompt(struct ensemble *ensemble, const clipcls_model *model,
                                 size_t label, const char *text, clipcls_error *error)
{
	size_t *grown = memory_grow(ensemble->label_of, &ensemble->label_capacity,
	                            ensemble->prompts.count + 1, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	ensemble->label_of = grown;
	ensemble->label_of[ensemble->prompts.count] = label;
	return prompt_list_add(&ensemble->prompts, model, text, error);
}

static clipcls_status add_label(struct ensemble *ensemble, const clipcls_model *model,
                                const clipcls_labels *labels, size_t label,
                                const clipcls_templates *templates, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	size_t own = clipcls_labels_prompt_count(labels, label);
	for (size_t i = 0; status == CLIPCLS_OK && i < own; i++)
		status = add_prompt(ensemble, model, label, labels_prompt(labels, label, i), error);
	for (size_t i = 0; status == CLIPCLS_OK && own == 0 && i < clipcls_templates_count(templates);
	     i++) {
		char *text = templates_apply(templates, i, clipcls_labels_text(labels, label));
		status =
		    text == NULL ? error_memory(error) : add_prompt(ensemble, model, label, text, error);
		free(text);
	}
	return status;
}

static void add_embedding(void *user, size_t prompt, const float *embedding)
{
	struct ensemble *ensemble = user;
	double *sum = ensemble->sums + ensemble->label_of[prompt] * ensemble->E;
	for (size_t i = 0; i < ensemble->E; i++)
		sum[i] += embedding[i];
}

/* classifier->embeddings = unit length of the mean of the prompts' unit embeddings. */
static clipcls_status encode_labels(clipcls_classifier *classifier, const clipcls_labels *labels,
                                    const clipcls_templates *templates, clipcls_error *error)
{
	size_t L = classifier->label_count, size;
	struct ensemble ensemble = { .E = clipcls_model_embedding_size(classifier->model) };
	clipcls_status status = CLIPCLS_OK;
	if (!size_mul(L, ensemble.E, &size))
		return error_memory(error);
	status = model_need_texts(classifier->model, error);
	if (status != CLIPCLS_OK)
		return status;
	ensemble.sums = memory_new(size, sizeof *ensemble.sums);
	if (ensemble.sums == NULL)
		return error_memory(error);
	for (size_t label = 0; status == CLIPCLS_OK && label < L; label++)
		status = add_label(&ensemble, classifier->model, labels, label, templates, error);
	if (status == CLIPCLS_OK)
		status = prompt_list_embed(&ensemble.prompts, classifier->model, add_embedding, &ensemble,
		                           error);
	for (size_t i = 0; i < size; i++)
		classifier->embeddings[i] = (float)ensemble.sums[i];
	for (size_t label = 0; label < L; label++)
		normalize(classifier->embeddings + label * ensemble.E, ensemble.E);
	prompt_list_free(&ensemble.prompts);
	free(ensemble.label_of);
	free(ensemble.sums);
	return status;
}

/* Takes the embeddings from the cache, or computes them and keeps them there. That they cannot be
 * kept is no error: they are there. */
static clipcls_status obtain_embeddings(clipcls_classifier *classifier,
                                        const clipcls_labels *labels,
                                        const clipcls_templates *templates, clipcls_error *error)
{
	struct label_cache cache = { 0 };
	clipcls_status status = label_cache_open(&cache, classifier->model, labels, templates, error);
	if (status != CLIPCLS_OK)
		goto cleanup;
	if (label_cache_load(classifier->embeddings, &cache)) {
		classifier->cache_state = CLIPCLS_CACHE_HIT;
		goto cleanup;
	}
	status = encode_labels(classifier, labels, templates, error);
	if (status != CLIPCLS_OK || !label_cache_is_on(&cache))
		goto cleanup;
	classifier->cache_state =
	    label_cache_store(&cache, classifier->embeddings, &classifier->cache_error) == CLIPCLS_OK
	        ? CLIPCLS_CACHE_STORED
	        : CLIPCLS_CACHE_FAILED;
cleanup:
	label_cache_close(&cache);
	return status;
}

/* With room for the embeddings; NULL when memory is out. */
static clipcls_classifier *new_classifier(clipcls_model *model, size_t L)
{
	size_t size;
	clipcls_classifier *classifier = memory_new(1, sizeof *classifier);
	if (classifier == NULL)
		return NULL;
	classifier->model = model;
	classifier->label_count = L;
	if (size_mul(L, clipcls_model_embedding_size(model), &size))
		classifier->embeddings = memory_floats(size);
	if (classifier->embeddings == NULL) {
		clipcls_classifier_free(classifier);
		return NULL;
	}
	return classifier;
}

clipcls_status clipcls_classifier_from_probe(clipcls_classifier **out, clipcls_model *model,
                                             const clipcls_probe *probe, clipcls_error *error)
{
	size_t L = clipcls_labels_count(probe->labels);
	*out = NULL;
	if (probe->E != clipcls_model_embedding_size(model))
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "the probe is not one of this model");
	clipcls_classifier *classifier = new_classifier(model, L);
	if (classifier != NULL)
		classifier->bias = memory_floats(L);
	if (classifier == NULL || classifier->bias == NULL) {
		clipcls_classifier_free(classifier);
		return error_memory(error);
	}
	memcpy(classifier->embeddings, probe->weight, L * probe->E * sizeof *probe->weight);
	memcpy(classifier->bias, probe->bias, L * sizeof *probe->bias);
	classifier->logits.scale = 1;
	*out = classifier;
	return CLIPCLS_OK;
}

clipcls_status clipcls_classifier_new(clipcls_classifier **out, clipcls_model *model,
                                      const clipcls_labels *labels,
                                      const clipcls_templates *templates, clipcls_error *error)
{
	clipcls_templates *simple = NULL;
	clipcls_classifier *classifier = NULL;
	*out = NULL;
	if (clipcls_labels_count(labels) == 0)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "no labels");
	clipcls_status status = CLIPCLS_OK;
	if (templates == NULL || clipcls_templates_count(templates) == 0) {
		status = clipcls_templates_new(&simple, error);
		if (status == CLIPCLS_OK)
			status = clipcls_templates_add_set(simple, "simple", error);
		if (status != CLIPCLS_OK)
			goto cleanup;
		templates = simple;
	}
	classifier = new_classifier(model, clipcls_labels_count(labels));
	status =
	    classifier == NULL ? error_memory(error) : model_logits(&classifier->logits, model, error);
	if (status == CLIPCLS_OK)
		status = obtain_embeddings(classifier, labels, templates, error);
cleanup:
	clipcls_templates_free(simple);
	if (status != CLIPCLS_OK)
		clipcls_classifier_free(classifier);
	else
		*out = classifier;
	return status;
}

void clipcls_classifier_free(clipcls_classifier *classifier)
{
	if (classifier == NULL)
		return;
	free(classifier->embeddings);
	free(classifier->bias);
	free(classifier);
}

const float *clipcls_classifier_embeddings(const clipcls_classifier *classifier)
{
	return classifier->embeddings;
}

clipcls_cache_state clipcls_classifier_cache(const clipcls_classifier *classifier, const char **why)
{
	if (why != NULL)
		*why = classifier->cache_error.message;
	return classifier->cache_state;
}

clipcls_model *classifier_model(const clipcls_classifier *classifier)
{
	return classifier->model;
}

size_t classifier_label_count(const clipcls_classifier *classifier)
{
	return classifier->label_count;
}

static int compare_results(const void *a, const void *b)
{
	const clipcls_result *x = a, *y = b;
	if (x->similarity != y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* Each label's for itself. */
static void put_sigmoids(clipcls_result *results, size_t L, const struct logits *logits)
{
	for (size_t i = 0; i < L; i++)
		results[i].score = 1 / (1 + exp(-(logits->scale * results[i].similarity + logits->bias)));
}

/* results: sorted. */
static void put_softmax(clipcls_result *results, size_t L, const struct logits *logits)
{
	/* Subtract the maximum: exp() of a large scale overflows. */
	double top = results[0].similarity, sum = 0;
	for (size_t i = 0; i < L; i++) {
		results[i].score = exp(logits->scale * (results[i].similarity - top));
		sum += results[i].score;
	}
	for (size_t i = 0; i < L; i++)
		results[i].score /= sum;
}

/* The cosine; of a probe the logit. */
static double similarity(const clipcls_classifier *classifier, const float *embedding, size_t label)
{
	size_t E = clipcls_model_embedding_size(classifier->model);
	double cosine = dot_double(classifier->embeddings + label * E, embedding, E);
	return classifier->bias != NULL ? cosine + classifier->bias[label] : cosine;
}

double classifier_log_odds(const clipcls_classifier *classifier, const float *embedding,
                           size_t label)
{
	const struct logits *logits = &classifier->logits;
	double own = logits->scale * similarity(classifier, embedding, label) + logits->bias;
	double top = -INFINITY, sum = 0;
	if (logits->sigmoid || classifier->label_count == 1)
		return own;
	/* log(sum of exp(logit)) of the others, in multiples of the largest one so far. */
	for (size_t i = 0; i < classifier->label_count; i++) {
		if (i == label)
			continue;
		double logit = logits->scale * similarity(classifier, embedding, i);
		sum = logit > top ? sum * exp(top - logit) + 1 : sum + exp(logit - top);
		top = fmax(top, logit);
	}
	return own - top - log(sum);
}

void clipcls_classifier_rank(const clipcls_classifier *classifier, const float *embedding,
                             clipcls_result *out)
{
	size_t L = classifier->label_count;
	for (size_t label = 0; label < L; label++)
		out[label] = (clipcls_result){ .index = label,
			                           .similarity = similarity(classifier, embedding, label) };
	qsort(out, L, sizeof *out, compare_results);
	if (classifier->logits.sigmoid)
		put_sigmoids(out, L, &classifier->logits);
	else
		put_softmax(out, L, &classifier->logits);
}
