/* clipcls [classify]: labels ranked for each picture. */
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/clock.h"
#include "cli/inputs.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
	const struct options *options;
	clipcls_model *model;
	clipcls_labels *labels;
	clipcls_templates *templates;
	clipcls_classifier *classifier;
	struct inputs inputs;
	struct output output;
	struct progress progress;
	struct pending *first, *last; /* inputs given and not yet delivered */
	size_t failed;
};

/* The library borrows an input until its record comes; records come in order. */
struct pending {
	clipcls_input input;
	struct pending *next;
};

static int next_input(void *user, clipcls_input *out)
{
	struct run *run = user;
	struct pending *pending = calloc(1, sizeof *pending);
	if (pending == NULL) {
		complain("out of memory");
		run->inputs.failed = true;
		return 0;
	}
	if (!inputs_next(&run->inputs, &pending->input)) {
		free(pending);
		return 0;
	}
	if (run->first == NULL)
		run->first = pending;
	else
		run->last->next = pending;
	run->last = pending;
	*out = pending->input;
	return 1;
}

static void release_first(struct run *run)
{
	struct pending *pending = run->first;
	run->first = pending->next;
	inputs_release(&pending->input);
	free(pending);
}

static int print_record(void *user, const clipcls_record *record)
{
	struct run *run = user;
	progress_erase(&run->progress);
	bool printed = output_record(&run->output, record);
	run->failed += record->status != CLIPCLS_OK;
	progress_advance(&run->progress);
	release_first(run);
	return !printed;
}

/* Each use of stdin would eat what the other wants. */
static bool stdin_used_once(const struct options *options)
{
	size_t uses = 0;
	for (size_t i = 0; i < options->label_sources.count; i++)
		uses += strcmp(options->label_sources.items[i], "-") == 0;
	for (size_t i = 0; i < options->template_sources.count; i++)
		uses += strcmp(options->template_sources.items[i], "-") == 0;
	for (size_t i = 0; i < options->operands.count; i++)
		uses += strcmp(options->operands.items[i], "-") == 0;
	uses += options->files_from != NULL && strcmp(options->files_from, "-") == 0;
	if (uses > 1)
		complain("stdin (-) is used %zu times; it can be read once", uses);
	return uses <= 1;
}

static bool usage_makes_sense(const struct options *options)
{
	if (options->operands.count == 0 && options->files_from == NULL) {
		complain("no pictures named; see 'clipcls --help'");
		return false;
	}
	return stdin_used_once(options);
}

/* Without -l and -L: the names that the model was trained on, where it carries them. */
static clipcls_status own_labels(struct run *run, clipcls_error *error)
{
	clipcls_status status = clipcls_model_own_labels(&run->labels, run->model, error);
	if (status == CLIPCLS_ERR_UNSUPPORTED)
		snprintf(error->message, sizeof error->message,
		         "this model has no labels of its own: --labels or --label names them");
	return status;
}

static clipcls_status open_model(struct run *run, const char *name, clipcls_error *error)
{
	const struct options *options = run->options;
	char *users_cache = NULL;
	clipcls_model_options model_options = { .threads = options->threads,
		                                    .batch = options->batch,
		                                    .layout = options->layout,
		                                    .precision = options->precision,
		                                    .cache_directory = options->cache_directory };
	clipcls_status status = CLIPCLS_OK;
	if (options->no_cache) {
		model_options.cache_directory = NULL;
	} else if (options->cache_directory == NULL) {
		status = clipcls_cache_directory(&users_cache, error);
		model_options.cache_directory = users_cache;
	}
	if (status == CLIPCLS_OK)
		status = clipcls_model_open(&run->model, name, &model_options, error);
	free(users_cache);
	if (status == CLIPCLS_ERR_IO && name != NULL && catalogue_has(name))
		complain("%s is in the catalogue: 'clipcls get %s' downloads it", name, name);
	return status;
}

static void tell_of_labels(const struct run *run, const char *name, double seconds)
{
	const char *why;
	clipcls_cache_state state = clipcls_classifier_cache(run->classifier, &why);
	if (run->options->verbose)
		complain("%s: %zu labels %s in %.3f s", name != NULL ? name : "built-in model",
		         clipcls_labels_count(run->labels),
		         state == CLIPCLS_CACHE_HIT ? "read from the cache" : "encoded", seconds);
	if (state == CLIPCLS_CACHE_FAILED && !run->options->quiet)
		complain("label embeddings are not kept: %s", why);
}

static clipcls_status prepare(struct run *run, clipcls_error *error)
{
	const struct options *options = run->options;
	const char *name = sources_model(options);
	double start = clock_seconds();
	clipcls_status status = CLIPCLS_OK;
	/* Labels and templates first: their mistakes are found before a large model is opened. */
	if (sources_name_labels(options))
		status = sources_labels(&run->labels, options, error);
	if (status == CLIPCLS_OK)
		status = sources_templates(&run->templates, options, error);
	if (status == CLIPCLS_OK)
		status = open_model(run, name, error);
	if (status == CLIPCLS_OK && run->labels == NULL)
		status = own_labels(run, error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(&run->classifier, run->model, run->labels, run->templates,
		                                error);
	if (status == CLIPCLS_OK)
		tell_of_labels(run, name, clock_seconds() - start);
	if (status == CLIPCLS_OK && name == NULL && !options->quiet && isatty(STDERR_FILENO))
		complain("the built-in model is small; 'clipcls get NAME' downloads a better one "
		         "('clipcls models' lists them)");
	return status;
}

static void prepare_output(struct run *run)
{
	const struct options *options = run->options;
	bool terminal = isatty(STDOUT_FILENO);
	const char *no_color = getenv("NO_COLOR");
	bool colors_wanted = no_color == NULL || no_color[0] == '\0';
	run->output = (struct output){
		.options = options,
		.labels = run->labels,
		.single = inputs_single(options),
		.escape = terminal,
		.color = options->color == WHEN_ALWAYS ||
		         (options->color == WHEN_AUTO && terminal && colors_wanted),
	};
	progress_begin(&run->progress, options, terminal);
}

static enum exit_code classify_all(struct run *run, clipcls_error *error)
{
	double start = clock_seconds();
	prepare_output(run);
	output_begin(&run->output);
	clipcls_status status = clipcls_classify_files(run->classifier, &run->options->image,
	                                               next_input, print_record, run, error);
	progress_erase(&run->progress);
	/* After CLIPCLS_ERR_STOPPED stdout has failed: output_finish says so. */
	if (status != CLIPCLS_OK)
		return status == CLIPCLS_ERR_STOPPED ? EXIT_FATAL : complain_error(error);
	output_end(&run->output);
	if (run->options->verbose)
		complain("%zu pictures in %.3f s, %zu failed, image tower in %s", run->output.records,
		         clock_seconds() - start, run->failed, clipcls_model_precision(run->model));
	if (run->output.records == 0 && !run->inputs.failed && !run->options->quiet)
		complain("no pictures found");
	if (run->inputs.failed)
		return EXIT_FATAL;
	return run->failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

enum exit_code command_classify(const struct options *options)
{
	struct run run = { .options = options };
	clipcls_error error = { 0 };
	enum exit_code code = EXIT_FATAL;
	if (!usage_makes_sense(options) || !inputs_open(&run.inputs, options))
		goto cleanup;
	if (prepare(&run, &error) == CLIPCLS_OK)
		code = classify_all(&run, &error);
	else
		complain_error(&error);
cleanup:
	while (run.first != NULL)
		release_first(&run);
	inputs_close(&run.inputs);
	output_free(&run.output);
	clipcls_classifier_free(run.classifier);
	clipcls_templates_free(run.templates);
	clipcls_labels_free(run.labels);
	clipcls_model_free(run.model);
	return code;
}
