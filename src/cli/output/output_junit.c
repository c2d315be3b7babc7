/* junit: a test case for every picture, as continuous integration shows them. A failure is a
 * picture that is not as --expect and --min-score have it, an error one that could not be
 * classified. The totals stand in front, so that all of it is printed at the end. */
#include "cli/output/output.h"
#include "cli/output/verdict.h"

#include <string.h>

static void put_text(struct buffer *out, const char *text)
{
	xml_write_text(out, text, strlen(text));
}

static void put_failure(struct output *output, const clipcls_record *record)
{
	struct buffer why = { 0 };
	verdict_explain(&why, output->options, output->labels, record);
	output->failures++;
	buffer_text(&output->kept, "<failure message=\"");
	if (!why.failed)
		put_text(&output->kept, why.bytes);
	output->kept.failed = output->kept.failed || why.failed;
	buffer_text(&output->kept, "\"/>");
	buffer_free(&why);
}

static void junit_record(struct output *output, const clipcls_record *record, size_t results)
{
	struct buffer *out = &output->kept;
	buffer_text(out, "<testcase classname=\"clipcls\" name=\"");
	put_text(out, record->path);
	buffer_text(out, "\">");
	if (record->status != CLIPCLS_OK) {
		output->errors++;
		buffer_format(out, "<error type=\"%s\" message=\"", clipcls_status_name(record->status));
		put_text(out, record->message);
		buffer_text(out, "\"/>");
	} else if (verdict_expects(output->options) &&
	           !verdict_met(output->options, output->labels, record)) {
		put_failure(output, record);
	}
	buffer_text(out, "<system-out>");
	for (size_t i = 0; i < results; i++) {
		buffer_text(out, i > 0 ? ", " : "");
		put_text(out, clipcls_labels_text(output->labels, record->results[i].index));
		buffer_format(out, " %.1f%%", 100 * record->results[i].score);
	}
	buffer_text(out, "</system-out></testcase>\n");
}

static void junit_end(struct output *output)
{
	struct buffer *line = &output->line;
	buffer_format(line,
	              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite "
	              "name=\"clipcls\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n",
	              output->records, output->failures, output->errors);
	buffer_append(line, output->kept.bytes, output->kept.size);
	line->failed = line->failed || output->kept.failed;
	buffer_text(line, "</testsuite>\n</testsuites>\n");
}

const struct output_writer output_junit = { .record = junit_record, .end = junit_end };
