/* clipcls eval: accuracy on pictures whose class is known. */
#include "cli/cli.h"
#include "base/clock.h"
#include "cli/command/eval.h"
#include "cli/command/eval_print.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/report/report.h"
#include "cli/session.h"
#include "cli/sources.h"

#include <unistd.h>

struct eval {
	const struct options *options;
	struct session session;
	struct dataset dataset;
	struct class_map map;
	struct tally tally;
	struct report report;
	struct progress progress;
	size_t given;
};

static int next_example(void *user, clipcls_input *out)
{
	struct eval *eval = user;
	if (eval->given == eval->dataset.count || interrupt_asked())
		return CLIPCLS_NEXT_END;
	*out = (clipcls_input){ .path = eval->dataset.examples[eval->given++].path };
	return CLIPCLS_NEXT_GIVEN;
}

static int take_record(void *user, const clipcls_record *record)
{
	struct eval *eval = user;
	bool failed = record->status != CLIPCLS_OK;
	progress_erase(&eval->progress);
	if (failed)
		complain("%s: %s", record->path, record->message);
	size_t class = eval->dataset.examples[record->index].class;
	tally_add(&eval->tally, class, record);
	report_record(&eval->report, record, class);
	progress_advance(&eval->progress, failed);
	return 0;
}

/* Ends the page with the figures of the pictures that were done. */
static bool end_report(struct eval *eval, const clipcls_error *error)
{
	struct buffer figures = { 0 };
	eval_json(&figures, &eval->dataset, eval->session.labels, &eval->tally);
	bool good = report_end(&eval->report,
	                       interrupt_asked()             ? "interrupted"
	                       : error->status != CLIPCLS_OK ? error->message
	                                                     : NULL,
	                       0, &figures);
	buffer_free(&figures);
	return good;
}

static enum exit_code run(struct eval *eval)
{
	double start = clock_seconds();
	clipcls_error error = { 0 };
	const clipcls_image_options image = report_image_options(&eval->report, eval->options);
	const struct report_run about = {
		.session = &eval->session, .command = "eval", .dataset = &eval->dataset, .map = &eval->map
	};
	progress_begin(&eval->progress, eval->options, isatty(STDOUT_FILENO));
	eval->progress.total = eval->dataset.count;
	report_begin(&eval->report, &about);
	clipcls_status status = clipcls_classify_files(eval->session.classifier, &image, next_example,
	                                               take_record, eval, &error);
	progress_erase(&eval->progress);
	bool reported = end_report(eval, &error);
	if (status != CLIPCLS_OK)
		return complain_error(&error);
	if (eval->options->verbose)
		complain("%zu pictures in %.3f s", eval->given, clock_seconds() - start);
	return reported ? EXIT_DONE : EXIT_FATAL;
}

static enum exit_code evaluate(struct eval *eval)
{
	const struct options *options = eval->options;
	clipcls_error error = { 0 };
	if (session_open(&eval->session, options, &error) != CLIPCLS_OK)
		return complain_error(&error);
	const clipcls_labels *labels = eval->session.labels;
	if (!class_map_make(&eval->map, &eval->dataset, labels, options->names, options->subset))
		return EXIT_FATAL;
	if (!tally_init(&eval->tally, &eval->map, eval->dataset.class_count)) {
		complain("out of memory");
		return EXIT_FATAL;
	}
	enum exit_code code = run(eval);
	if (code != EXIT_DONE || interrupt_asked())
		return code;
	code = options->format == FORMAT_JSON
	           ? eval_print_json(&eval->dataset, labels, &eval->tally)
	           : eval_print_text(&eval->dataset, labels, &eval->tally, isatty(STDOUT_FILENO));
	bool failed = tally_sum(&eval->tally, eval->dataset.class_count).all.failed > 0;
	return code == EXIT_DONE && failed ? EXIT_SOME_FAILED : code;
}

/* Labels are those of -l and -L or of a probe, else the names of the classes. */
static enum exit_code report(struct eval *eval)
{
	const struct options *options = eval->options;
	clipcls_error error = { 0 };
	if (!sources_name_labels(options) && options->probe == NULL &&
	    class_map_labels(&eval->session.labels, &eval->dataset, &error) != CLIPCLS_OK)
		return complain_error(&error);
	if (options->suggest_templates)
		return eval_templates(&eval->session, &eval->dataset, options);
	if (options->explain_labels)
		return eval_labels(&eval->session, &eval->dataset, options);
	return evaluate(eval);
}

enum exit_code command_eval(const struct options *options)
{
	struct eval eval = { .options = options };
	enum exit_code code = EXIT_FATAL;
	if (options->operands.count != 1)
		complain("eval takes one DIRECTORY or MANIFEST; see 'clipcls eval --help'");
	else if (options->suggest_templates && options->explain_labels)
		complain("--suggest-templates and --explain-labels are two reports: ask for one");
	else if (options->report != NULL && (options->suggest_templates || options->explain_labels))
		complain("--report shows pictures; --suggest-templates and --explain-labels print theirs");
	else if (options->probe != NULL && (options->suggest_templates || options->explain_labels))
		complain(
		    "--suggest-templates and --explain-labels are about labels' texts, and a probe has "
		    "none");
	else if (report_open(&eval.report, options->report) &&
	         dataset_read(&eval.dataset, options->operands.items[0]))
		code = report(&eval);
	report_close(&eval.report);
	tally_free(&eval.tally);
	class_map_free(&eval.map);
	session_close(&eval.session);
	dataset_free(&eval.dataset);
	interrupt_end();
	return code;
}
