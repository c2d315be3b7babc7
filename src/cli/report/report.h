/* --report: a run's pictures as one HTML page that needs nothing else. It is written as records
 * come, in blocks of JSON between the page's markup and its script, and appears when it is whole.
 */
#ifndef CLIPCLS_CLI_REPORT_REPORT_H
#define CLIPCLS_CLI_REPORT_REPORT_H

#include "base/json.h"
#include "base/output_file.h"
#include "cli/labelled/class_map.h"
#include "cli/session.h"

#define REPORT_NO_CLASS SIZE_MAX

struct report {
	const char *path; /* NULL: none is wanted, and every call does nothing */
	struct output_file file;
	uint64_t size;         /* written so far */
	struct buffer page;    /* not yet written */
	struct buffer records; /* of the block in hand */
	struct buffer thumbnails;
	size_t in_block, pictures, failed;
	const clipcls_labels *labels;
	const struct class_map *map; /* eval: which labels may be an answer; NULL = all */
	bool broken;                 /* it cannot be written, which was said on stderr */
};

/* What the page says of a run at its top. */
struct report_run {
	const struct session *session;
	const char *command;
	const struct dataset
	    *dataset; /* eval: where the pictures and their classes are from; NULL = not known */
	const struct class_map *map; /* eval: which labels are right for a class */
};

/* Before any work: makes sure that the file can be made, and that SIGINT, SIGTERM and a closed
 * stdout leave the time to finish it. path: NULL = no report. False after a message. report_close
 * whatever it returns. */
bool report_open(struct report *report, const char *path);
/* The image options of the run, with a thumbnail where there is a report. */
clipcls_image_options report_image_options(const struct report *report,
                                           const struct options *options);
void report_begin(struct report *report, const struct report_run *run);
/* class: of an example, or REPORT_NO_CLASS. */
void report_record(struct report *report, const clipcls_record *record, size_t class);
/* unfinished: NULL, or why the run ended early. skipped: pictures of an earlier run. figures: JSON
 * of eval, or NULL. False after a message when the page could not be written. */
bool report_end(struct report *report, const char *unfinished, size_t skipped,
                const struct buffer *figures);
void report_close(struct report *report);

#endif
