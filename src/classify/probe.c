#include "classify/probe.h"

#include "base/checked.h"
#include "base/memory.h"
#include "classify/logistic.h"
#include "classify/minimize.h"
#include "classify/model.h"
#include "model/dtype.h"
#include "model/signature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The penalty makes the function's curvature at least 1, so that the weights are no farther from
 * the best than the gradient is long: relative to their own length by this at most. */
#define TOLERANCE 1e-5

clipcls_probe *probe_new(size_t L, size_t E)
{
	size_t size;
	clipcls_probe *probe = memory_new(1, sizeof *probe);
	if (probe == NULL)
		return NULL;
	probe->E = E;
	probe->weight = size_mul(L, E, &size) ? memory_floats(size) : NULL;
	probe->bias = memory_floats(L);
	if (probe->weight == NULL || probe->bias == NULL) {
		clipcls_probe_free(probe);
		return NULL;
	}
	return probe;
}

void clipcls_probe_free(clipcls_probe *probe)
{
	if (probe == NULL)
		return;
	clipcls_labels_free(probe->labels);
	free(probe->weight);
	free(probe->bias);
	free(probe->signature);
	free(probe);
}

const clipcls_labels *clipcls_probe_labels(const clipcls_probe *probe)
{
	return probe->labels;
}

/* A copy of the texts alone. */
static clipcls_status copy_labels(clipcls_labels **out, const clipcls_labels *labels,
                                  clipcls_error *error)
{
	clipcls_status status = clipcls_labels_new(out, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < clipcls_labels_count(labels); i++) {
		const char *text = clipcls_labels_text(labels, i);
		status = strchr(text, '\n') == NULL
		             ? clipcls_labels_add(*out, text, NULL, 0, error)
		             : error_set(error, CLIPCLS_ERR_ARGUMENT, "class \"%s\" has a line break in it",
		                         text);
	}
	return status;
}

/* Every class has an example, every example a class and a finite embedding. */
static clipcls_status check_examples(const struct logistic_examples *examples, double C,
                                     const clipcls_labels *labels, clipcls_error *error)
{
	size_t N = examples->N, L = examples->L, size;
	clipcls_status status = CLIPCLS_OK;
	if (!(C > 0) || !isfinite(C))
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "C is %g, and must be above 0", C);
	if (L < 2)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "a probe takes two classes at least");
	if (!size_mul(N, examples->E, &size) || !dtype_all_finite(examples->rows, DTYPE_F32, size))
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "an embedding is not finite");
	bool *seen = memory_new(L, sizeof *seen);
	if (seen == NULL)
		return error_memory(error);
	for (size_t i = 0; status == CLIPCLS_OK && i < N; i++) {
		if (examples->classes[i] >= L)
			status = error_set(error, CLIPCLS_ERR_ARGUMENT, "example %zu: there is no class %zu", i,
			                   examples->classes[i]);
		else
			seen[examples->classes[i]] = true;
	}
	for (size_t class = 0; status == CLIPCLS_OK && class < L; class ++)
		if (!seen[class])
			status = error_set(error, CLIPCLS_ERR_ARGUMENT, "class \"%s\" has no example",
			                   clipcls_labels_text(labels, class));
	free(seen);
	return status;
}

static clipcls_status fit(clipcls_probe *probe, const struct logistic_examples *examples,
                          struct pool *pool, clipcls_error *error)
{
	struct logistic *logistic = NULL;
	double *parameters = NULL;
	size_t weights = examples->L * examples->E;
	clipcls_status status = logistic_new(&logistic, examples, probe->C, pool, error);
	if (status != CLIPCLS_OK)
		return status;
	size_t n = logistic_parameters(logistic);
	parameters = memory_new(n, sizeof *parameters);
	status = parameters == NULL
	             ? error_memory(error)
	             : minimize(parameters, n, logistic_evaluate, logistic, TOLERANCE, error);
	if (status == CLIPCLS_OK) {
		for (size_t i = 0; i < weights; i++)
			probe->weight[i] = (float)parameters[i];
		for (size_t i = 0; i < examples->L; i++)
			probe->bias[i] = (float)parameters[weights + i];
	}
	free(parameters);
	logistic_free(logistic);
	return status;
}

clipcls_status clipcls_probe_train(clipcls_probe **out, clipcls_model *model,
                                   const float *embeddings, const size_t *classes, size_t n,
                                   const clipcls_labels *labels, double C, clipcls_error *error)
{
	struct logistic_examples examples = { .rows = embeddings,
		                                  .classes = classes,
		                                  .N = n,
		                                  .E = clipcls_model_embedding_size(model),
		                                  .L = clipcls_labels_count(labels) };
	*out = NULL;
	clipcls_status status = check_examples(&examples, C, labels, error);
	if (status != CLIPCLS_OK)
		return status;
	clipcls_probe *probe = probe_new(examples.L, examples.E);
	if (probe == NULL)
		return error_memory(error);
	probe->C = C;
	status = copy_labels(&probe->labels, labels, error);
	if (status == CLIPCLS_OK)
		status =
		    model_signature(&probe->signature, &probe->signature_size, model->checkpoint, error);
	if (status == CLIPCLS_OK)
		status = fit(probe, &examples, model->pool, error);
	if (status != CLIPCLS_OK)
		clipcls_probe_free(probe);
	else
		*out = probe;
	return status;
}
