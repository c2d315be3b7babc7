/* tsv and csv (RFC 4180): path rank label score similarity error, one row per result. */
#include "cli/output/output.h"

#include <stdio.h>
#include <string.h>

#define FIELDS 6

static const char *const header[FIELDS] = {
	"path", "rank", "label", "score", "similarity", "error"
};

/* Tabs and line ends would tear a row of tsv apart. */
void output_tsv_row(struct buffer *line, const char *const *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buffer_byte(line, '\t');
		output_escaped(line, fields[i], strlen(fields[i]));
	}
	buffer_byte(line, '\n');
}

/* escape: a terminal is no place for a file's control characters. */
static void csv_field(struct buffer *line, const char *field, bool escape)
{
	bool quoted = strpbrk(field, ",\"\r\n") != NULL;
	buffer_text(line, quoted ? "\"" : "");
	for (;;) {
		size_t n = strcspn(field, "\"");
		if (escape)
			output_escaped(line, field, n);
		else
			buffer_append(line, field, n);
		if (field[n] == '\0')
			break;
		buffer_text(line, "\"\"");
		field += n + 1;
	}
	buffer_text(line, quoted ? "\"" : "");
}

void output_csv_row(struct buffer *line, const char *const *fields, size_t n, bool escape)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buffer_byte(line, ',');
		csv_field(line, fields[i], escape);
	}
	buffer_text(line, "\r\n");
}

static void tsv_row(struct output *output, const char *const *fields)
{
	output_tsv_row(&output->line, fields, FIELDS);
}

static void csv_row(struct output *output, const char *const *fields)
{
	output_csv_row(&output->line, fields, FIELDS, output->escape);
}

typedef void (*row_fn)(struct output *output, const char *const *fields);

static void table_record(struct output *output, const clipcls_record *record, size_t results,
                         row_fn row)
{
	char rank[32], score[32], similarity[32];
	const char *fields[FIELDS] = { record->path, "", "", "", "", record->message };
	if (results == 0) /* failed, or the threshold leaves nothing */
		row(output, fields);
	for (size_t i = 0; i < results; i++) {
		const clipcls_result *result = &record->results[i];
		snprintf(rank, sizeof rank, "%zu", i + 1);
		snprintf(score, sizeof score, "%.6f", result->score);
		snprintf(similarity, sizeof similarity, "%.6f", result->similarity);
		fields[1] = rank;
		fields[2] = clipcls_labels_text(output->labels, result->index);
		fields[3] = score;
		fields[4] = similarity;
		row(output, fields);
	}
}

static void tsv_begin(struct output *output)
{
	tsv_row(output, header);
}

static void tsv_record(struct output *output, const clipcls_record *record, size_t results)
{
	table_record(output, record, results, tsv_row);
}

static void csv_begin(struct output *output)
{
	csv_row(output, header);
}

static void csv_record(struct output *output, const clipcls_record *record, size_t results)
{
	table_record(output, record, results, csv_row);
}

const struct output_writer output_tsv = { .begin = tsv_begin, .record = tsv_record };
const struct output_writer output_csv = { .begin = csv_begin, .record = csv_record };
