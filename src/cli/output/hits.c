#include "cli/output/hits.h"

#include <stdio.h>
#include <string.h>

#define FIELDS 4

static void put_row(struct hits_output *output, const char *const *fields)
{
	if (output->options->format == FORMAT_TSV)
		output_tsv_row(&output->line, fields, FIELDS);
	else
		output_csv_row(&output->line, fields, FIELDS, output->escape);
}

bool hits_begin(struct hits_output *output)
{
	static const char *const header[FIELDS] = { "query", "rank", "path", "similarity" };
	enum output_format format = output->options->format;
	if (format == FORMAT_TSV || format == FORMAT_CSV)
		put_row(output, header);
	return output_print(&output->line);
}

static void put_rows(struct hits_output *output, const char *query, const struct found *found,
                     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char rank[32], similarity[32];
		const char *const fields[FIELDS] = { query, rank, found[i].path, similarity };
		snprintf(rank, sizeof rank, "%zu", i + 1);
		snprintf(similarity, sizeof similarity, "%.6f", found[i].similarity);
		put_row(output, fields);
	}
}

static void put_text(struct hits_output *output, const char *text)
{
	if (output->escape)
		output_escaped(&output->line, text, strlen(text));
	else
		buffer_text(&output->line, text);
}

static void put_lines(struct hits_output *output, const char *query, const struct found *found,
                      size_t n)
{
	if (!output->single) {
		put_text(output, query);
		buffer_byte(&output->line, '\n');
	}
	for (size_t i = 0; i < n; i++) {
		buffer_format(&output->line, "%s%.4f  ", output->single ? "" : "  ", found[i].similarity);
		put_text(output, found[i].path);
		buffer_byte(&output->line, '\n');
	}
}

static void put_object(struct hits_output *output, const char *kind, const char *query,
                       const struct found *found, size_t n)
{
	struct buffer *line = &output->line;
	buffer_format(line, "{\"%s\":", kind);
	json_write_text(line, query);
	buffer_text(line, ",\"results\":[");
	for (size_t i = 0; i < n; i++) {
		buffer_text(line, i > 0 ? ",{\"path\":" : "{\"path\":");
		json_write_text(line, found[i].path);
		buffer_format(line, ",\"similarity\":%.6f}", found[i].similarity);
	}
	buffer_text(line, "]}");
}

bool hits_print(struct hits_output *output, const char *kind, const char *query,
                const struct found *found, size_t n)
{
	struct buffer *line = &output->line;
	switch (output->options->format) {
	case FORMAT_TSV:
	case FORMAT_CSV: put_rows(output, query, found, n); break;
	case FORMAT_JSONL:
		put_object(output, kind, query, found, n);
		buffer_byte(line, '\n');
		break;
	case FORMAT_JSON:
		buffer_text(line, output->queries > 0 ? ",\n" : "[\n");
		put_object(output, kind, query, found, n);
		break;
	case FORMAT_PATHS:
		for (size_t i = 0; i < n; i++)
			buffer_append(line, found[i].path, strlen(found[i].path) + 1);
		break;
	default: put_lines(output, query, found, n);
	}
	output->queries++;
	return output_print(line);
}

bool hits_end(struct hits_output *output)
{
	if (output->options->format == FORMAT_JSON)
		buffer_text(&output->line, output->queries > 0 ? "\n]\n" : "[]\n");
	return output_print(&output->line);
}

void hits_free(struct hits_output *output)
{
	buffer_free(&output->line);
}
