/* clipcls probe train, clipcls probe apply: classes learned from some pictures of each. */
#include "cli/cli.h"
#include "base/clock.h"
#include "cli/command/probe_curve.h"
#include "cli/labelled/dataset_embed.h"
#include "cli/output/output.h"
#include "cli/sources.h"

#include <stdlib.h>
#include <string.h>

struct training {
	const struct options *options;
	struct session session;
	struct dataset train, test; /* test: empty without --test */
	float *train_rows, *test_rows;
	clipcls_labels *labels; /* of the training classes */
	struct class_map map;   /* from classes of the test to zero-shot labels */
	struct curve curve;
	size_t failed;
};

static bool usage_makes_sense(const struct options *options)
{
	bool for_curve = sources_name_labels(options) || sources_name_templates(options) ||
	                 options->names != NULL || options->subset || options->test != NULL ||
	                 options->format != FORMAT_TEXT;
	if (options->operands.count != 1)
		complain("probe train takes one DIRECTORY or MANIFEST; see 'clipcls probe train --help'");
	else if (options->output == NULL && !options->curve)
		complain(
		    "probe train: --output says where the probe goes, --curve how good one is; neither "
		    "is given");
	else if (for_curve && !options->curve)
		complain("probe train: labels, templates, --names, --subset, --test and --format are for "
		         "--curve, which is not given");
	else
		return true;
	return false;
}

/* Every class has a picture to learn from, and there is more than one. */
static bool classes_can_be_learned(const struct dataset *dataset, const char *path)
{
	bool *seen = calloc(dataset->class_count, sizeof *seen);
	bool good = seen != NULL;
	if (!good)
		complain("out of memory");
	for (size_t i = 0; good && i < dataset->count; i++)
		seen[dataset->examples[i].class] = true;
	for (size_t i = 0; good && i < dataset->class_count; i++) {
		good = seen[i];
		if (!good)
			complain("%s: class %s has no picture", path, dataset->classes[i]);
	}
	if (good && dataset->class_count < 2) {
		complain("%s: holds one class; a probe tells two or more apart", path);
		good = false;
	}
	free(seen);
	return good;
}

/* Classes that are tested are among those that are learned. */
static bool classes_are_known(const struct training *training)
{
	const struct dataset *train = &training->train, *test = &training->test;
	for (size_t i = 0; i < test->class_count; i++) {
		size_t class = 0;
		while (class < train->class_count && strcmp(train->classes[class], test->classes[i]) != 0)
			class ++;
		if (class == train->class_count) {
			complain("%s: class %s is not among those of %s", training->options->test,
			         test->classes[i], training->options->operands.items[0]);
			return false;
		}
	}
	return true;
}

/* Reads the lists of pictures, and drops those that nothing is going to need. */
static bool read_datasets(struct training *training)
{
	const struct options *options = training->options;
	const char *path = options->operands.items[0];
	struct curve *curve = &training->curve;
	struct dataset *test = options->test != NULL ? &training->test : NULL;
	if (!dataset_read(&training->train, path) || !classes_can_be_learned(&training->train, path) ||
	    !shots_rank(&training->train, options->seed))
		return false;
	if (test != NULL &&
	    (!dataset_read(&training->test, options->test) || !classes_are_known(training)))
		return false;
	if (options->curve && !curve_plan(curve, &training->train, test, options))
		return false;
	if (!options->curve && options->shots > 0)
		shots_keep(&training->train, options->shots);
	/* All pictures go into a probe that is kept, where --shots does not say otherwise. */
	if (test != NULL && (options->output == NULL || options->shots > 0))
		shots_keep(&training->train, curve->points[curve->count - 1].shots);
	return true;
}

/* With a curve the session has the zero-shot labels: as eval's, those of -l and -L, else the names
 * of the classes. */
static clipcls_status open_session(struct training *training, clipcls_error *error)
{
	const struct options *options = training->options;
	clipcls_status status = class_map_labels(&training->labels, &training->train, error);
	if (status == CLIPCLS_OK && !options->curve)
		return session_open_model(&training->session, options, error);
	if (status == CLIPCLS_OK && !sources_name_labels(options))
		status = class_map_labels(&training->session.labels, &training->train, error);
	if (status == CLIPCLS_OK)
		status = session_open(&training->session, options, error);
	return status;
}

/* What is right zero-shot. Classes that --names leaves out are not tested; they can be left out of
 * the pictures of --test alone, since all classes are learned. */
static bool map_classes(struct training *training)
{
	const struct options *options = training->options;
	struct dataset *test = training->curve.test;
	size_t count = test->class_count;
	if (!class_map_make(&training->map, test, training->session.labels, options->names,
	                    options->subset))
		return false;
	if (options->test == NULL && test->class_count < count) {
		complain("%s: leaves out classes of %s, which takes pictures of their own: --test",
		         options->names, options->operands.items[0]);
		return false;
	}
	return true;
}

static clipcls_status embed(struct training *training, clipcls_error *error)
{
	struct curve *curve = &training->curve;
	size_t failed = 0;
	clipcls_status status =
	    dataset_embed(&training->train_rows, &failed, &training->train, &training->session, error);
	training->failed = failed;
	if (status == CLIPCLS_OK && training->options->test != NULL) {
		status = dataset_embed(&training->test_rows, &failed, &training->test, &training->session,
		                       error);
		training->failed += failed;
	}
	curve->train_rows = training->train_rows;
	curve->test_rows = training->options->test != NULL ? training->test_rows : curve->train_rows;
	return status;
}

/* Trains the probe that is kept, and writes it. */
static bool keep_probe(const struct training *training)
{
	const struct options *options = training->options;
	clipcls_probe *probe = NULL;
	clipcls_error error = { 0 };
	size_t pictures = 0;
	double start = clock_seconds();
	clipcls_status status =
	    shots_train(&probe, &pictures, &training->train, training->train_rows, options->shots,
	                training->labels, &training->session, &error);
	if (status != CLIPCLS_OK)
		complain("%s: %s", options->operands.items[0], error.message);
	else if (options->verbose)
		complain("probe of %zu classes trained on %zu pictures in %.3f s",
		         training->train.class_count, pictures, clock_seconds() - start);
	if (status == CLIPCLS_OK) {
		status = clipcls_probe_save(probe, options->output, &error);
		if (status != CLIPCLS_OK)
			complain_error(&error);
	}
	clipcls_probe_free(probe);
	return status == CLIPCLS_OK;
}

static enum exit_code run(struct training *training)
{
	const struct options *options = training->options;
	struct curve *curve = &training->curve;
	enum exit_code code = EXIT_DONE;
	clipcls_error error = { 0 };
	if (open_session(training, &error) != CLIPCLS_OK)
		return complain_error(&error);
	if (options->curve && !map_classes(training))
		return EXIT_FATAL;
	if (embed(training, &error) != CLIPCLS_OK)
		return complain_error(&error);
	if (options->curve &&
	    !curve_measure(curve, &training->map, training->labels, &training->session))
		return EXIT_FATAL;
	if (options->output != NULL && !keep_probe(training))
		return EXIT_FATAL;
	if (options->curve)
		code = curve_print(curve, options, training->failed);
	return code == EXIT_DONE && training->failed > 0 ? EXIT_SOME_FAILED : code;
}

enum exit_code command_probe_train(const struct options *options)
{
	struct training training = { .options = options };
	enum exit_code code = EXIT_FATAL;
	if (usage_makes_sense(options) &&
	    (options->output == NULL || output_check_path(options->output)) && read_datasets(&training))
		code = run(&training);
	class_map_free(&training.map);
	clipcls_labels_free(training.labels);
	session_close(&training.session);
	free(training.train_rows);
	free(training.test_rows);
	dataset_free(&training.train);
	dataset_free(&training.test);
	return code;
}

enum exit_code command_probe_apply(const struct options *options)
{
	if (options->probe != NULL)
		return command_classify(options);
	complain("probe apply takes --probe FILE; see 'clipcls probe apply --help'");
	return EXIT_FATAL;
}
