#include "cli/command/eval.h"

#include "base/clock.h"
#include "cli/command/eval_templates_print.h"
#include "cli/labelled/dataset_embed.h"
#include "cli/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct run {
	struct session *session;
	struct dataset *dataset;
	const struct options *options;
	clipcls_templates *candidates;
	struct class_map map;
	struct template_study study;
	float *embeddings; /* (pictures, E) */
	size_t failed;
};

/* Those of --templates and -t, else imagenet80. */
static clipcls_status candidates_of(clipcls_templates **out, const struct options *options,
                                    clipcls_error *error)
{
	if (options->templates.count + options->template_sources.count > 0)
		return sources_templates(out, options, error);
	clipcls_status status = clipcls_templates_new(out, error);
	return status == CLIPCLS_OK ? clipcls_templates_add_set(*out, "imagenet80", error) : status;
}

/* Labels with prompts of their own are the same with every template. */
static bool templates_matter(const clipcls_labels *labels, const struct options *options)
{
	size_t n = clipcls_labels_count(labels), own = 0;
	for (size_t i = 0; i < n; i++)
		own += clipcls_labels_prompt_count(labels, i) > 0;
	if (own == n)
		complain("every label has prompts of its own: there is nothing that a template changes");
	else if (own > 0 && !options->quiet)
		complain("%zu of %zu labels have prompts of their own, which no template changes", own, n);
	return own < n;
}

/* Labels, candidates, and what is right: their mistakes are found before a model is opened. */
static bool prepare(struct run *run, clipcls_error *error)
{
	struct session *session = run->session;
	const struct options *options = run->options;
	if ((session->labels == NULL &&
	     sources_labels(&session->labels, options, error) != CLIPCLS_OK) ||
	    candidates_of(&run->candidates, options, error) != CLIPCLS_OK) {
		complain_error(error);
		return false;
	}
	return templates_matter(session->labels, options) &&
	       class_map_make(&run->map, run->dataset, session->labels, options->names,
	                      options->subset);
}

/* Text before pictures: the text tower is given back before the image tower is loaded. */
static clipcls_status encode(struct run *run, clipcls_error *error)
{
	clipcls_status status = session_open_model(run->session, run->options, error);
	double start = clock_seconds();
	if (status == CLIPCLS_OK)
		status = template_study_encode(&run->study, run->session, run->candidates, error);
	if (status == CLIPCLS_OK && run->options->verbose)
		complain("%zu labels through %zu templates in %.3f s", run->study.L, run->study.T,
		         clock_seconds() - start);
	if (status == CLIPCLS_OK)
		status = dataset_embed(&run->embeddings, &run->failed, run->dataset, run->session, error);
	return status;
}

/* A difference of less than two standard errors is as good as none. */
static void tell_of_chance(const struct template_study *study)
{
	size_t simple = study->T + STUDY_SIMPLE, chosen = study->T + STUDY_CHOSEN;
	size_t from = study->choosing, to = study->N;
	if (from == to) {
		complain("no class has two pictures: nothing is left to judge the choice on");
		return;
	}
	double gain = ((double)template_study_right(study, chosen, from, to) -
	               (double)template_study_right(study, simple, from, to)) /
	              (double)(to - from);
	if (gain <= 2 * template_study_error(study, chosen, simple, from, to))
		complain("judged on the other half, the suggested templates are not better than "
		         "\"simple\" by more than chance");
}

static enum exit_code report(struct run *run)
{
	struct templates_report report = { .study = &run->study,
		                               .dataset = run->dataset,
		                               .candidates = run->candidates,
		                               .failed = run->failed };
	double start = clock_seconds();
	if (!template_study_run(&run->study, run->dataset, &run->map, run->embeddings)) {
		complain("out of memory");
		return EXIT_FATAL;
	}
	if (run->options->verbose)
		complain("templates measured and chosen in %.3f s", clock_seconds() - start);
	if (!run->options->quiet)
		tell_of_chance(&run->study);
	enum exit_code code = run->options->format == FORMAT_JSON
	                          ? eval_templates_json(&report)
	                          : eval_templates_text(&report, isatty(STDOUT_FILENO));
	return code == EXIT_DONE && run->failed > 0 ? EXIT_SOME_FAILED : code;
}

enum exit_code eval_templates(struct session *session, struct dataset *dataset,
                              const struct options *options)
{
	struct run run = { .session = session, .dataset = dataset, .options = options };
	clipcls_error error = { 0 };
	enum exit_code code = EXIT_FATAL;
	if (prepare(&run, &error))
		code = encode(&run, &error) == CLIPCLS_OK ? report(&run) : complain_error(&error);
	template_study_free(&run.study);
	free(run.embeddings);
	class_map_free(&run.map);
	clipcls_templates_free(run.candidates);
	return code;
}
