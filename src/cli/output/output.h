/* Records on stdout, in one of the formats. */
#ifndef CLIPCLS_CLI_OUTPUT_OUTPUT_H
#define CLIPCLS_CLI_OUTPUT_OUTPUT_H

#include "base/json.h"
#include "base/xml.h"
#include "cli/cli.h"

/* What a format needs to know to print a record. */
struct output {
	const struct options *options;
	const clipcls_labels *labels;
	bool single;          /* text: exactly one image was named */
	bool color;           /* text: the first label stands out */
	bool escape;          /* stdout is a terminal: controls are shown as escapes */
	size_t records;       /* printed so far */
	const char *heat_map; /* json, jsonl: the file of the record in hand; NULL = none */
	struct buffer line;
	/* junit: what waits for the end. */
	struct buffer kept;
	size_t failures, errors;
};

/* One output format: appends text to output->line. */
struct output_writer {
	void (*begin)(struct output *output); /* may be NULL */
	void (*record)(struct output *output, const clipcls_record *record, size_t results);
	void (*end)(struct output *output); /* may be NULL */
};
extern const struct output_writer output_text, output_tsv, output_csv, output_json, output_jsonl,
    output_junit, output_paths;

void output_begin(struct output *output);
/* Prints and flushes one record. False when stdout failed (said on stderr, but for a closed pipe).
 */
bool output_record(struct output *output, const clipcls_record *record);
bool output_end(struct output *output);
void output_free(struct output *output);

/* Prints a text to stdout, flushes it, and empties the buffer. False when stdout failed or memory
 * is out (which is said on stderr; of stdout, output_finish says it). */
bool output_print(struct buffer *text);
/* From here on stdout is this file, which is made or emptied. False after a message. */
bool output_redirect(const char *path);
/* Whether a file can be made at this path, as far as can be told beforehand: before hours of work,
 * not behind them. False after a message. */
bool output_check_path(const char *path);
/* Flushes stdout; `code`, or what a failed stdout makes of it. Says once why. */
enum exit_code output_finish(enum exit_code code);

/* Prints a text made outside of records, and frees it; EXIT_FATAL, with a message, when it failed.
 */
enum exit_code output_text_once(struct buffer *text);

/* Appends ,"error":{...} of a failed record. */
void output_json_error(struct buffer *line, const clipcls_record *record);

/* Appends a row of fields, with its line end: of tsv with \\ \t \n \r \xHH as escapes, of csv as in
 * RFC 4180. escape: csv shows control characters as escapes, too. */
void output_tsv_row(struct buffer *line, const char *const *fields, size_t n);
void output_csv_row(struct buffer *line, const char *const *fields, size_t n, bool escape);

/* Appends n bytes with backslash, tab, newline, carriage return and other controls as \\ \t \n \r
 * \xHH. */
void output_escaped(struct buffer *line, const char *bytes, size_t n);

#endif
