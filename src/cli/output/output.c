#include "cli/output/output.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct output_writer *writer_of(enum output_format format)
{
	switch (format) {
	case FORMAT_TEXT: return &output_text;
	case FORMAT_TSV: return &output_tsv;
	case FORMAT_CSV: return &output_csv;
	case FORMAT_JSON: return &output_json;
	case FORMAT_JSONL: return &output_jsonl;
	case FORMAT_JUNIT: return &output_junit;
	case FORMAT_PATHS: return &output_paths;
	default: return &output_text; /* not of records */
	}
}

/* Set by the first failed write, so that it is reported once and decides the exit code. */
static int write_error;
static const char *stdout_name = "stdout";

bool output_redirect(const char *path)
{
	if (freopen(path, "w", stdout) == NULL) {
		complain("%s: cannot open: %s", path, strerror(errno));
		return false;
	}
	stdout_name = path;
	return true;
}

bool output_check_path(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return true; /* a device or a pipe: opening it tells */
	char *copy = strdup(path);
	bool good = copy != NULL && access(dirname(copy), W_OK | X_OK) == 0;
	if (!good)
		complain("%s: cannot write there: %s", path, strerror(errno));
	free(copy);
	return good;
}

bool output_print(struct buffer *line)
{
	if (line->failed) {
		complain("out of memory");
		write_error = ENOMEM;
	} else if (line->size > 0 && write_error == 0) {
		errno = 0;
		if (fwrite(line->bytes, 1, line->size, stdout) != line->size || fflush(stdout) != 0)
			write_error = errno != 0 ? errno : EIO;
	}
	buffer_clear(line);
	return write_error == 0;
}

void output_begin(struct output *output)
{
	const struct output_writer *writer = writer_of(output->options->format);
	if (writer->begin != NULL)
		writer->begin(output);
}

/* How many of the ranked results the options let through. */
static size_t results_shown(const struct output *output, const clipcls_record *record)
{
	const struct options *options = output->options;
	size_t n = clipcls_labels_count(output->labels), shown = 0;
	if (record->results == NULL)
		return 0;
	if (options->top_k > 0 && options->top_k < n)
		n = options->top_k;
	while (shown < n && record->results[shown].score >= options->threshold)
		shown++;
	return shown;
}

bool output_record(struct output *output, const clipcls_record *record)
{
	writer_of(output->options->format)->record(output, record, results_shown(output, record));
	output->records++;
	return output_print(&output->line);
}

bool output_end(struct output *output)
{
	const struct output_writer *writer = writer_of(output->options->format);
	if (writer->end != NULL)
		writer->end(output);
	return output_print(&output->line);
}

void output_free(struct output *output)
{
	buffer_free(&output->line);
	buffer_free(&output->kept);
}

enum exit_code output_finish(enum exit_code code)
{
	errno = 0;
	if (write_error == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		write_error = errno != 0 ? errno : EIO;
	if (write_error == 0)
		return code;
	if (write_error == EPIPE)
		return EXIT_PIPE_CLOSED; /* the reader has what it wanted */
	complain("%s: %s", stdout_name, strerror(write_error));
	return EXIT_FATAL;
}

enum exit_code output_text_once(struct buffer *text)
{
	enum exit_code code = text->failed ? EXIT_FATAL : EXIT_DONE;
	if (text->failed)
		complain("out of memory");
	else
		output_print(text); /* a failed stdout is output_finish's to tell */
	buffer_free(text);
	return code;
}

void output_escaped(struct buffer *line, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];
		switch (c) {
		case '\\': buffer_text(line, "\\\\"); break;
		case '\t': buffer_text(line, "\\t"); break;
		case '\n': buffer_text(line, "\\n"); break;
		case '\r': buffer_text(line, "\\r"); break;
		default:
			if (c < 0x20 || c == 0x7f)
				buffer_format(line, "\\x%02X", c);
			else
				buffer_byte(line, (char)c);
		}
	}
}
