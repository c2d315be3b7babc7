/* A model, classes and examples for the tests of probes. */
#ifndef CLIPCLS_TESTS_TEST_PROBE_H
#define CLIPCLS_TESTS_TEST_PROBE_H

#include "test_model.h"

#include "random.h"

#include "classify/minimize.h"
#include "classify/probe.h"

#include <math.h>

static clipcls_error error;

static const char *const golden = TEST_DATA "/golden/checkpoint";

enum { E = 32 /* of the golden model */, N = 300 /* several blocks and shares */ };

static inline clipcls_model *open_model(const char *name, size_t threads)
{
	clipcls_model_options options = { .threads = threads };
	clipcls_model *model = NULL;
	assert_ok(clipcls_model_open(&model, name, &options, &error));
	return model;
}

static inline clipcls_labels *labels_of(const char *const *names, size_t n)
{
	clipcls_labels *labels = NULL;
	assert_ok(clipcls_labels_new(&labels, &error));
	for (size_t i = 0; i < n; i++)
		assert_ok(clipcls_labels_add(labels, names[i], NULL, 0, &error));
	return labels;
}

static const char *const names[] = { "cat", "caf\xc3\xa9\tau lait", "red panda" };

struct examples {
	float *rows; /* (N, E), unit length */
	size_t classes[N];
};

/* The class's own axis with noise around it: mostly told apart, not all. */
static inline struct examples make_examples(size_t L)
{
	struct examples examples = { .rows = random_floats(N * E, 1) };
	for (size_t i = 0; i < N; i++) {
		float *row = examples.rows + i * E, square = 0;
		examples.classes[i] = (i * 7 + i / 11) % L;
		row[examples.classes[i]] += 1;
		for (size_t j = 0; j < E; j++)
			square += row[j] * row[j];
		for (size_t j = 0; j < E; j++)
			row[j] /= sqrtf(square);
	}
	return examples;
}

/* A probe for the first L names. Where there is nothing to train with, the test is skipped. */
static inline clipcls_probe *train(clipcls_model *model, size_t L, double C)
{
	clipcls_probe *probe = NULL;
	if (minimize_name() == NULL)
		skip();
	struct examples examples = make_examples(L);
	clipcls_labels *labels = labels_of(names, L);
	assert_ok(
	    clipcls_probe_train(&probe, model, examples.rows, examples.classes, N, labels, C, &error));
	clipcls_labels_free(labels);
	free(examples.rows);
	return probe;
}

#endif
