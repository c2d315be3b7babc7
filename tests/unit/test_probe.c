/* Training few-shot probes. */
#include "test_probe.h"

#include "classify/logistic.h"

static void check_gradient(size_t L)
{
	struct examples made = make_examples(L);
	struct logistic_examples examples = { made.rows, made.classes, N, E, L };
	struct logistic *logistic = NULL;
	const double step = 1e-5;
	assert_ok(logistic_new(&logistic, &examples, 3, NULL, &error));
	size_t n = logistic_parameters(logistic);
	assert_int_equal(n, L * (E + 1));
	float *start = random_floats(n, 2);
	double *x = memory_new(n, sizeof *x), *gradient = memory_new(n, sizeof *gradient);
	double *unused = memory_new(n, sizeof *unused);
	for (size_t i = 0; i < n; i++)
		x[i] = 3 * (double)start[i];
	logistic_evaluate(logistic, gradient, x, n);
	for (size_t i = 0; i < n; i++) {
		double at = x[i];
		x[i] = at + step;
		double above = logistic_evaluate(logistic, unused, x, n);
		x[i] = at - step;
		double below = logistic_evaluate(logistic, unused, x, n);
		x[i] = at;
		/* The third derivative and the function's rounding leave less than this. */
		assert_true(fabs((above - below) / (2 * step) - gradient[i]) < 1e-5);
	}
	logistic_free(logistic);
	free(made.rows);
	free(start);
	free(x);
	free(gradient);
	free(unused);
}

static void the_gradient_is_that_of_the_function(void **state)
{
	(void)state;
	check_gradient(2);
	check_gradient(3);
}

/* The minimum's own condition, computed here: each row of weights is C times the sum of what is
 * missing of its examples, and the biases' sums are zero. */
static void training_comes_to_the_minimum(void **state)
{
	enum { L = 3 };
	clipcls_model *model = open_model(golden, 1);
	clipcls_probe *probe = train(model, L, 10);
	struct examples examples = make_examples(L);
	double sums[L][E + 1] = { { 0 } };
	(void)state;
	for (size_t i = 0; i < N; i++) {
		double logits[L], sum = 0;
		for (size_t class = 0; class < L; class ++) {
			logits[class] = probe->bias[class];
			for (size_t j = 0; j < E; j++)
				logits[class] += (double)probe->weight[class * E + j] * examples.rows[i * E + j];
			sum += exp(logits[class]);
		}
		for (size_t class = 0; class < L; class ++) {
			double missing = 10 * ((examples.classes[i] == class) - exp(logits[class]) / sum);
			for (size_t j = 0; j < E; j++)
				sums[class][j] += missing * examples.rows[i * E + j];
			sums[class][E] += missing;
		}
	}
	for (size_t class = 0; class < L; class ++) {
		for (size_t j = 0; j < E; j++)
			assert_true(fabs(sums[class][j] - probe->weight[class * E + j]) < 1e-3);
		assert_true(fabs(sums[class][E]) < 1e-3);
	}
	free(examples.rows);
	clipcls_probe_free(probe);
	clipcls_model_free(model);
}

/* w = W1 - W0, b = b1 - b0 fulfil w = C * sum of (y - sigmoid(w x + b)) x. */
static void two_classes_have_the_penalty_of_one_row(void **state)
{
	clipcls_model *model = open_model(golden, 1);
	clipcls_probe *probe = train(model, 2, 5);
	struct examples examples = make_examples(2);
	double w[E], sums[E] = { 0 }, b = (double)probe->bias[1] - probe->bias[0];
	(void)state;
	for (size_t j = 0; j < E; j++)
		w[j] = (double)probe->weight[E + j] - probe->weight[j];
	for (size_t i = 0; i < N; i++) {
		double logit = b;
		for (size_t j = 0; j < E; j++)
			logit += w[j] * examples.rows[i * E + j];
		double missing = 5 * ((double)examples.classes[i] - 1 / (1 + exp(-logit)));
		for (size_t j = 0; j < E; j++)
			sums[j] += missing * examples.rows[i * E + j];
	}
	for (size_t j = 0; j < E; j++)
		assert_true(fabs(sums[j] - w[j]) < 1e-3);
	free(examples.rows);
	clipcls_probe_free(probe);
	clipcls_model_free(model);
}

static void a_separable_problem_is_separated(void **state)
{
	enum { L = 3, EXAMPLES = 5 }; /* one class has three of them, and a bias for it */
	float axes[EXAMPLES * E] = { 0 };
	static const size_t classes[EXAMPLES] = { 2, 0, 1, 2, 2 };
	clipcls_model *model = open_model(golden, 1);
	clipcls_labels *labels = labels_of(names, L);
	clipcls_probe *probe = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_result results[L];
	(void)state;
	if (minimize_name() == NULL)
		skip();
	for (size_t i = 0; i < EXAMPLES; i++)
		axes[i * E + i] = 1;
	assert_ok(clipcls_probe_train(&probe, model, axes, classes, EXAMPLES, labels, 1000, &error));
	assert_ok(clipcls_classifier_from_probe(&classifier, model, probe, &error));
	for (size_t i = 0; i < EXAMPLES; i++) {
		clipcls_classifier_rank(classifier, axes + i * E, results);
		assert_int_equal(results[0].index, classes[i]);
		assert_true(results[0].score > 0.95);
		/* Scores are the softmax of similarities as they are: no logit_scale. */
		double ratio = exp(results[0].similarity - results[1].similarity);
		assert_true(fabs(results[0].score / results[1].score / ratio - 1) < 1e-9);
		assert_true(fabs(results[0].similarity - probe->weight[results[0].index * E + i] -
		                 probe->bias[results[0].index]) < 1e-6);
	}
	clipcls_classifier_free(classifier);
	clipcls_probe_free(probe);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
}

static void threads_do_not_change_a_bit(void **state)
{
	clipcls_model *one = open_model(golden, 1), *three = open_model(golden, 3);
	clipcls_probe *a = train(one, 3, 10), *b = train(three, 3, 10);
	(void)state;
	assert_memory_equal(a->weight, b->weight, 3 * E * sizeof *a->weight);
	assert_memory_equal(a->bias, b->bias, 3 * sizeof *a->bias);
	clipcls_probe_free(a);
	clipcls_probe_free(b);
	clipcls_model_free(one);
	clipcls_model_free(three);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const broken[] = { "cat", "dog\nfox" };
	struct examples examples = make_examples(2);
	clipcls_model *model = open_model(golden, 1);
	clipcls_labels *one = labels_of(names, 1), *two = labels_of(names, 2), *three;
	clipcls_labels *lines = labels_of(broken, 2);
	clipcls_probe *probe = NULL;
	const size_t n = N;
	(void)state;
	three = labels_of(names, 3);
#define REFUSED(labels, C, text)                                                                   \
	assert_error(                                                                                  \
	    clipcls_probe_train(&probe, model, examples.rows, examples.classes, n, labels, C, &error), \
	    CLIPCLS_ERR_ARGUMENT, text)
	REFUSED(two, 0, "C is 0");
	REFUSED(two, NAN, "C is nan");
	REFUSED(one, 1, "two classes");
	REFUSED(three, 1, "class \"red panda\" has no example");
	REFUSED(lines, 1, "line break");
	examples.classes[7] = 2;
	REFUSED(two, 1, "example 7: there is no class 2");
	examples.classes[7] = 0;
	examples.rows[E] = INFINITY;
	REFUSED(two, 1, "not finite");
#undef REFUSED
	assert_null(probe);
	clipcls_labels_free(one);
	clipcls_labels_free(two);
	clipcls_labels_free(three);
	clipcls_labels_free(lines);
	clipcls_model_free(model);
	free(examples.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_gradient_is_that_of_the_function),
		cmocka_unit_test(training_comes_to_the_minimum),
		cmocka_unit_test(two_classes_have_the_penalty_of_one_row),
		cmocka_unit_test(a_separable_problem_is_separated),
		cmocka_unit_test(threads_do_not_change_a_bit),
		cmocka_unit_test(what_makes_no_sense_is_refused),
	};
	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
