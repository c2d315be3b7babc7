/* For people: "93.1%  cat" lines for one picture, one line a picture otherwise. */
#include "cli/output/output.h"

#include <string.h>

static void put(struct output *output, const char *text)
{
	if (output->escape)
		output_escaped(&output->line, text, strlen(text));
	else
		buffer_text(&output->line, text);
}

static void put_label(struct output *output, const char *label, bool first)
{
	bool bold = first && output->color;
	buffer_text(&output->line, bold ? "\033[1m" : "");
	put(output, label);
	buffer_text(&output->line, bold ? "\033[0m" : "");
}

static void text_record(struct output *output, const clipcls_record *record, size_t results)
{
	if (record->status != CLIPCLS_OK) {
		complain("%s: %s", record->path, record->message);
		return;
	}
	if (!output->single) {
		put(output, record->path);
		buffer_byte(&output->line, ':');
	}
	for (size_t i = 0; i < results; i++) {
		const clipcls_result *result = &record->results[i];
		const char *label = clipcls_labels_text(output->labels, result->index);
		if (output->single) {
			buffer_format(&output->line, "%4.1f%%  ", 100 * result->score);
			put_label(output, label, i == 0);
			buffer_byte(&output->line, '\n');
		} else {
			buffer_text(&output->line, i > 0 ? ", " : " ");
			put_label(output, label, i == 0);
			buffer_format(&output->line, " %.1f%%", 100 * result->score);
		}
	}
	if (!output->single)
		buffer_byte(&output->line, '\n');
}

const struct output_writer output_text = { .record = text_record };
