/* jsonl: one object a line; json: one array of the same objects. */
#include "cli/output/output.h"

#include <string.h>

void output_json_error(struct buffer *line, const clipcls_record *record)
{
	buffer_text(line, ",\"error\":{\"code\":");
	json_write_text(line, clipcls_status_name(record->status));
	buffer_text(line, ",\"message\":");
	json_write_text(line, record->message);
	buffer_byte(line, '}');
}

static void put_object(struct output *output, const clipcls_record *record, size_t results)
{
	struct buffer *line = &output->line;
	buffer_text(line, "{\"path\":");
	json_write_text(line, record->path);
	if (record->status != CLIPCLS_OK) {
		output_json_error(line, record);
		buffer_byte(line, '}');
		return;
	}
	buffer_text(line, ",\"results\":[");
	for (size_t i = 0; i < results; i++) {
		const clipcls_result *result = &record->results[i];
		buffer_text(line, i > 0 ? ",{\"label\":" : "{\"label\":");
		json_write_text(line, clipcls_labels_text(output->labels, result->index));
		buffer_format(line, ",\"index\":%zu,\"score\":%.6f,\"similarity\":%.6f}", result->index,
		              result->score, result->similarity);
	}
	buffer_byte(line, ']');
	if (output->heat_map != NULL) {
		buffer_text(line, ",\"heat_map\":");
		json_write_text(line, output->heat_map);
	}
	buffer_byte(line, '}');
}

static void jsonl_record(struct output *output, const clipcls_record *record, size_t results)
{
	put_object(output, record, results);
	buffer_byte(&output->line, '\n');
}

/* The separator comes before a record, so that the array is well-formed whenever it ends. */
static void json_record(struct output *output, const clipcls_record *record, size_t results)
{
	buffer_text(&output->line, output->records > 0 ? ",\n" : "[\n");
	put_object(output, record, results);
}

static void json_end(struct output *output)
{
	buffer_text(&output->line, output->records > 0 ? "\n]\n" : "[]\n");
}

const struct output_writer output_jsonl = { .record = jsonl_record };
const struct output_writer output_json = { .record = json_record, .end = json_end };
