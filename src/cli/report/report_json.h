/* What the report's page is told, as JSON; page.js says how it reads it. */
#ifndef CLIPCLS_CLI_REPORT_REPORT_JSON_H
#define CLIPCLS_CLI_REPORT_REPORT_JSON_H

#include "cli/report/report.h"

/* The run: its model, labels and, of eval, classes. */
void report_json_head(struct buffer *out, const struct report_run *run);
/* A picture without its thumbnail: its path with the first labels, or with its error. */
void report_json_record(struct buffer *out, const struct report *report,
                        const clipcls_record *record, size_t class);
/* "BASE64" of the thumbnail's file; "" where there is none. */
void report_json_thumbnail(struct buffer *out, const clipcls_record *record);
/* What is known when the run has ended; parameters as of report_end. */
void report_json_end(struct buffer *out, const struct report *report, const char *unfinished,
                     size_t skipped, const struct buffer *figures);

#endif
