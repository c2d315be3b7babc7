#include "cli/report/report.h"

#include "cli/interrupt.h"
#include "cli/report/report_json.h"

#include <signal.h>
#include <string.h>

/* Defined in page.S; a NUL stands behind the end of each. */
extern const char clipcls_report_html[], clipcls_report_css[], clipcls_report_js[];

#define THUMBNAIL_SIZE 112 /* what a card of the page has room for */
/* Pictures whose thumbnails the page decodes together: some rows of a screen. */
#define BLOCK 64
/* What is written to the file at once. */
#define WRITE_BYTES ((size_t)1 << 18)

bool report_open(struct report *report, const char *path)
{
	clipcls_error error = { 0 };
	*report = (struct report){ .path = path, .file = { .fd = -1 } };
	if (path == NULL)
		return true;
	if (path[0] == '\0' || strcmp(path, "-") == 0) {
		complain("--report: needs the name of a file; records alone go to stdout");
		return false;
	}
	if (output_file_open(&report->file, path, 0666, &error) != CLIPCLS_OK) {
		complain_error(&error);
		return false;
	}
	interrupt_catch();
	signal(SIGPIPE, SIG_IGN); /* a write to a closed stdout says so */
	return true;
}

void report_close(struct report *report)
{
	if (report->path != NULL)
		output_file_close(&report->file);
	buffer_free(&report->page);
	buffer_free(&report->records);
	buffer_free(&report->thumbnails);
}

clipcls_image_options report_image_options(const struct report *report,
                                           const struct options *options)
{
	clipcls_image_options image = options->image;
	image.thumbnail_size = report->path != NULL ? THUMBNAIL_SIZE : 0;
	return image;
}

/* ---- the file ------------------------------------------------------------------------------- */

static void fail(struct report *report, const clipcls_error *error)
{
	complain_error(error);
	report->broken = true;
}

/* Writes what has come together, when it is worth a call. */
static void flush(struct report *report, size_t least)
{
	clipcls_error error = { 0 };
	struct buffer *page = &report->page;
	if (report->broken || (!page->failed && page->size < least))
		return;
	clipcls_status status = page->failed ? memory_error(&error)
	                                     : output_file_write(&report->file, report->size,
	                                                         page->bytes, page->size, &error);
	if (status != CLIPCLS_OK)
		fail(report, &error);
	report->size += page->size;
	buffer_clear(page);
}

/* Puts JSON into an element that no browser runs. "<" stands in strings alone; escaped, it can end
 * no element. */
static void put_block(struct report *report, const char *name, const struct buffer *text)
{
	struct buffer *page = &report->page;
	buffer_format(page, "<script type=\"application/json\" class=\"%s\">", name);
	for (size_t i = 0; i < text->size;) {
		const char *bracket = memchr(text->bytes + i, '<', text->size - i);
		size_t end = bracket != NULL ? (size_t)(bracket - text->bytes) : text->size;
		buffer_append(page, text->bytes + i, end - i);
		if (bracket != NULL)
			buffer_text(page, "\\u003c");
		i = end + (bracket != NULL);
	}
	buffer_text(page, "</script>\n");
	page->failed = page->failed || text->failed;
	flush(report, WRITE_BYTES);
}

/* Puts the page's markup from `place` up to a mark; returns what comes behind that. */
static const char *put_up_to(struct report *report, const char *place, const char *mark)
{
	const char *end = strstr(place, mark);
	buffer_append(&report->page, place, (size_t)(end - place));
	return end + strlen(mark);
}

/* ---- what is in it -------------------------------------------------------------------------- */

static const char css_mark[] = "/* page.css */", data_mark[] = "<!-- data -->",
                  js_mark[] =
                      "/* data.js, list.js, filter.js, summary.js, confusion.js, view.js */";

void report_begin(struct report *report, const struct report_run *run)
{
	struct buffer head = { 0 };
	if (report->path == NULL)
		return;
	report->labels = run->session->labels;
	report->map = run->map;
	const char *place = put_up_to(report, clipcls_report_html, css_mark);
	buffer_text(&report->page, clipcls_report_css);
	put_up_to(report, place, data_mark);
	report_json_head(&head, run);
	put_block(report, "head", &head);
	buffer_free(&head);
}

static void end_block(struct report *report)
{
	buffer_byte(&report->records, ']');
	buffer_byte(&report->thumbnails, ']');
	put_block(report, "records", &report->records);
	put_block(report, "thumbnails", &report->thumbnails);
	buffer_clear(&report->records);
	buffer_clear(&report->thumbnails);
	report->in_block = 0;
}

void report_record(struct report *report, const clipcls_record *record, size_t class)
{
	if (report->path == NULL || report->broken)
		return;
	const char *separator = report->in_block == 0 ? "[" : ",\n";
	buffer_text(&report->records, separator);
	report_json_record(&report->records, report, record, class);
	buffer_text(&report->thumbnails, separator);
	report_json_thumbnail(&report->thumbnails, record);
	report->pictures++;
	report->failed += record->status != CLIPCLS_OK;
	if (++report->in_block == BLOCK)
		end_block(report);
}

bool report_end(struct report *report, const char *unfinished, size_t skipped,
                const struct buffer *figures)
{
	struct buffer end = { 0 };
	clipcls_error error = { 0 };
	if (report->path == NULL || report->broken)
		return !report->broken;
	if (report->in_block > 0)
		end_block(report);
	report_json_end(&end, report, unfinished, skipped, figures);
	put_block(report, "end", &end);
	buffer_free(&end);
	const char *place =
	    put_up_to(report, strstr(clipcls_report_html, data_mark) + strlen(data_mark), js_mark);
	buffer_text(&report->page, clipcls_report_js);
	buffer_text(&report->page, place);
	flush(report, 0);
	if (!report->broken && output_file_commit(&report->file, &error) != CLIPCLS_OK)
		fail(report, &error);
	return !report->broken;
}
