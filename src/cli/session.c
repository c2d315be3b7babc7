#include "cli/session.h"

#include "cli/catalogue.h"
#include "base/clock.h"
#include "cli/sources.h"
#include "cli/output/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without -l and -L: the names that the model was trained on, where it carries them. */
static clipcls_status own_labels(struct session *session, clipcls_error *error)
{
	clipcls_status status = clipcls_model_own_labels(&session->labels, session->model, error);
	if (status == CLIPCLS_ERR_UNSUPPORTED)
		snprintf(error->message, sizeof error->message,
		         "this model has no labels of its own: --labels or --label names them");
	return status;
}

/* Where label embeddings are kept; *users is what has to be freed. */
static clipcls_status cache_directory(const char **out, char **users, const struct options *options,
                                      clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	*users = NULL;
	*out = options->no_cache ? NULL : options->cache_directory;
	if (!options->no_cache && *out == NULL) {
		status = clipcls_cache_directory(users, error);
		*out = *users;
	}
	return status;
}

/* Whoever did not ask for it should know that a hostile picture finds less in its way. */
static void tell_of_sandbox(const struct session *session)
{
	const struct options *options = session->options;
	bool weak = strcmp(options->sandbox, "none") != 0 && !clipcls_model_is_confined(session->model);
	if (options->verbose || (weak && !options->quiet))
		complain("sandbox of decoding: %s", clipcls_model_sandbox(session->model));
}

clipcls_status session_open_model(struct session *session, const struct options *options,
                                  clipcls_error *error)
{
	const char *name = sources_model(options);
	char *users_cache = NULL;
	clipcls_model_options model_options = { .threads = options->threads,
		                                    .batch = options->batch,
		                                    .layout = options->layout,
		                                    .precision = options->precision,
		                                    .sandbox = options->sandbox,
		                                    .decode_seconds = options->decode_seconds,
		                                    .decode_pixels = options->image.max_pixels };
	session->options = options;
	clipcls_status status =
	    cache_directory(&model_options.cache_directory, &users_cache, options, error);
	if (status == CLIPCLS_OK)
		status = clipcls_model_open(&session->model, name, &model_options, error);
	free(users_cache);
	if (status == CLIPCLS_ERR_IO && name != NULL && catalogue_has(name))
		complain("%s is in the catalogue: 'clipcls get %s' downloads it", name, name);
	if (status == CLIPCLS_OK)
		tell_of_sandbox(session);
	if (status == CLIPCLS_OK && name == NULL && !options->quiet && isatty(STDERR_FILENO))
		complain("the built-in model is small; 'clipcls get NAME' downloads a better one "
		         "('clipcls models' lists them)");
	return status;
}

static clipcls_status copy_labels(clipcls_labels **out, const clipcls_labels *labels,
                                  clipcls_error *error)
{
	clipcls_status status = clipcls_labels_new(out, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < clipcls_labels_count(labels); i++)
		status = clipcls_labels_add(*out, clipcls_labels_text(labels, i), NULL, 0, error);
	return status;
}

static clipcls_status open_probe(struct session *session, const struct options *options,
                                 clipcls_error *error)
{
	double start = clock_seconds();
	clipcls_probe *probe = NULL;
	if (sources_name_labels(options) || sources_name_templates(options)) {
		error->status = CLIPCLS_ERR_ARGUMENT;
		snprintf(error->message, sizeof error->message,
		         "%s: a probe has its own classes: labels and templates do not go with --probe",
		         options->probe);
		return error->status;
	}
	clipcls_status status = session_open_model(session, options, error);
	if (status == CLIPCLS_OK)
		status = clipcls_probe_open(&probe, session->model, options->probe, error);
	if (status == CLIPCLS_OK)
		status = copy_labels(&session->labels, clipcls_probe_labels(probe), error);
	if (status == CLIPCLS_OK)
		status = verdict_check(options, session->labels, error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_from_probe(&session->classifier, session->model, probe, error);
	if (status == CLIPCLS_OK && options->verbose)
		complain("%s: %zu classes read in %.3f s", options->probe,
		         clipcls_labels_count(session->labels), clock_seconds() - start);
	clipcls_probe_free(probe);
	return status;
}

static void tell_of_labels(const struct session *session, const char *name, double seconds)
{
	const char *why;
	clipcls_cache_state state = clipcls_classifier_cache(session->classifier, &why);
	if (session->options->verbose)
		complain("%s: %zu labels %s in %.3f s", name != NULL ? name : "built-in model",
		         clipcls_labels_count(session->labels),
		         state == CLIPCLS_CACHE_HIT ? "read from the cache" : "encoded", seconds);
	if (state == CLIPCLS_CACHE_FAILED && !session->options->quiet)
		complain("label embeddings are not kept: %s", why);
}

clipcls_status session_open(struct session *session, const struct options *options,
                            clipcls_error *error)
{
	double start = clock_seconds();
	clipcls_status status = CLIPCLS_OK;
	if (options->probe != NULL)
		return open_probe(session, options, error);
	/* Labels and templates first: their mistakes are found before a large model is opened. */
	if (session->labels == NULL && sources_name_labels(options))
		status = sources_labels(&session->labels, options, error);
	if (status == CLIPCLS_OK && session->templates == NULL)
		status = sources_templates(&session->templates, options, error);
	if (status == CLIPCLS_OK)
		status = session_open_model(session, options, error);
	if (status == CLIPCLS_OK && session->labels == NULL)
		status = own_labels(session, error);
	if (status == CLIPCLS_OK)
		status = verdict_check(options, session->labels, error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(&session->classifier, session->model, session->labels,
		                                session->templates, error);
	if (status == CLIPCLS_OK)
		tell_of_labels(session, sources_model(options), clock_seconds() - start);
	return status;
}

void session_close(struct session *session)
{
	clipcls_classifier_free(session->classifier);
	clipcls_templates_free(session->templates);
	clipcls_labels_free(session->labels);
	clipcls_model_free(session->model);
	*session = (struct session){ 0 };
}
