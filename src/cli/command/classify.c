/* clipcls [classify]: labels ranked for each picture. */
#include "cli/cli.h"
#include "base/clock.h"
#include "cli/command/explain_labels.h"
#include "cli/input/feed.h"
#include "cli/interrupt.h"
#include "cli/output/heat_maps.h"
#include "cli/output/output.h"
#include "cli/progress.h"
#include "cli/report/report.h"
#include "cli/input/resume.h"
#include "cli/session.h"
#include "cli/output/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
	const struct options *options;
	struct session session;
	struct feed feed;
	struct output output;
	struct heat_maps heat_maps;
	struct report report;
	struct progress progress;
	struct resume *resume; /* NULL = no earlier run */
	size_t delivered, failed;
	size_t unmet;   /* classified, and not as expected */
	size_t skipped; /* done by an earlier run */
};

/* Whether an earlier run has the input's record. */
static bool is_done(void *user, const clipcls_input *input)
{
	struct run *run = user;
	if (run->resume == NULL || !resume_has(run->resume, input->path, &run->feed.inputs.failed))
		return false;
	run->skipped++;
	run->progress.total -= run->progress.total > 0;
	return true;
}

static int next_input(void *user, clipcls_input *out)
{
	struct run *run = user;
	int said = feed_next(&run->feed, out, is_done, run);
	/* What came last may have been cut off. */
	return interrupt_asked() ? CLIPCLS_NEXT_END : said;
}

static void judge(struct run *run, const clipcls_record *record)
{
	const struct options *options = run->options;
	struct buffer why = { 0 };
	if (record->status != CLIPCLS_OK || !verdict_expects(options) ||
	    verdict_met(options, run->session.labels, record))
		return;
	run->unmet++;
	verdict_explain(&why, options, run->session.labels, record);
	complain("%s: %s", record->path, why.failed ? "not as expected" : why.bytes);
	buffer_free(&why);
}

static int print_record(void *user, const clipcls_record *record)
{
	struct run *run = user;
	bool failed = record->status != CLIPCLS_OK, printed = true;
	if (verdict_shown(run->options, run->session.labels, record)) {
		printed = heat_maps_make(&run->output.heat_map, &run->heat_maps, &run->session,
		                         feed_current(&run->feed), record);
		progress_erase(&run->progress);
		printed = output_record(&run->output, record) && printed;
	}
	progress_erase(&run->progress);
	judge(run, record);
	report_record(&run->report, record, REPORT_NO_CLASS);
	run->delivered++;
	run->failed += failed;
	progress_advance(&run->progress, failed);
	feed_delivered(&run->feed);
	return !printed;
}

static void prepare_output(struct run *run)
{
	const struct options *options = run->options;
	bool terminal = isatty(STDOUT_FILENO);
	const char *no_color = getenv("NO_COLOR");
	bool colors_wanted = no_color == NULL || no_color[0] == '\0';
	run->output = (struct output){
		.options = options,
		.labels = run->session.labels,
		.single = inputs_single(options),
		.escape = terminal,
		.color = options->color == WHEN_ALWAYS ||
		         (options->color == WHEN_AUTO && terminal && colors_wanted),
	};
	progress_begin(&run->progress, options, terminal);
	if (run->progress.shown)
		run->progress.total = inputs_count(options);
}

/* Why not all pictures have a record; NULL when they have. */
static const char *why_unfinished(const struct run *run, const clipcls_error *error)
{
	if (interrupt_asked())
		return "interrupted";
	if (error->status == CLIPCLS_ERR_STOPPED)
		return "records could not be printed";
	if (error->status != CLIPCLS_OK)
		return error->message;
	return feed_failed(&run->feed) ? "not all inputs could be read" : NULL;
}

static void tell(const struct run *run, double seconds)
{
	if (run->options->verbose)
		complain("%zu pictures in %.3f s, %zu failed, image tower in %s", run->delivered, seconds,
		         run->failed, clipcls_model_precision(run->session.model));
	if (run->options->verbose && run->resume != NULL)
		complain("%zu inputs were done before", run->skipped);
	bool expected = run->options->shard.count == 0; /* a shard may well be empty */
	if (expected && run->delivered + run->skipped == 0 && !feed_failed(&run->feed) &&
	    !run->options->quiet)
		complain("no pictures found");
}

static enum exit_code classify_all(struct run *run, clipcls_error *error)
{
	double start = clock_seconds();
	const clipcls_image_options image = report_image_options(&run->report, run->options);
	const struct report_run about = { .session = &run->session, .command = "classify" };
	prepare_output(run);
	output_begin(&run->output);
	report_begin(&run->report, &about);
	clipcls_status status = clipcls_classify_files(run->session.classifier, &image, next_input,
	                                               print_record, run, error);
	progress_erase(&run->progress);
	bool reported = report_end(&run->report, why_unfinished(run, error), run->skipped, NULL);
	/* After CLIPCLS_ERR_STOPPED stdout has failed: output_finish says so. */
	if (status != CLIPCLS_OK)
		return status == CLIPCLS_ERR_STOPPED ? EXIT_FATAL : complain_error(error);
	output_end(&run->output);
	tell(run, clock_seconds() - start);
	if (feed_failed(&run->feed) || !reported)
		return EXIT_FATAL;
	return run->failed + run->unmet + run->heat_maps.failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

enum exit_code command_classify(const struct options *options)
{
	struct run run = { .options = options };
	clipcls_error error = { 0 };
	enum exit_code code = EXIT_FATAL;
	if (options->explain_labels && (options->report != NULL || options->explain != NULL)) {
		complain("--%s is of pictures, and --explain-labels takes none",
		         options->report != NULL ? "report" : "explain");
		return EXIT_FATAL;
	}
	if (options->explain_labels)
		return explain_labels(options);
	if (!inputs_make_sense(options) || !heat_maps_open(&run.heat_maps, options) ||
	    !report_open(&run.report, options->report) || !feed_open(&run.feed, options) ||
	    (options->resume != NULL && !resume_open(&run.resume, options->resume)))
		goto cleanup;
	if (session_open(&run.session, options, &error) == CLIPCLS_OK)
		code = classify_all(&run, &error);
	else
		complain_error(&error);
cleanup:
	feed_close(&run.feed);
	resume_free(run.resume);
	output_free(&run.output);
	heat_maps_close(&run.heat_maps);
	report_close(&run.report);
	session_close(&run.session);
	interrupt_end();
	return code;
}
