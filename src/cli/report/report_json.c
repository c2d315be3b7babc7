#include "cli/report/report_json.h"

#include <string.h>

/* Labels of a picture that the page knows: the first ones whatever their score, then those that are
 * scored, of thousands of labels not all. */
#define LABELS_AT_LEAST 10
#define LABELS_AT_MOST 50
#define LEAST_SCORE 0.0005

static void put_key(struct buffer *out, const char *key, const char *text)
{
	buffer_format(out, "\"%s\":", key);
	json_write_text(out, text);
}

static void put_texts(struct buffer *out, const char *key, size_t n,
                      const char *(*text)(const void *list, size_t i), const void *list)
{
	buffer_format(out, ",\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		buffer_text(out, i > 0 ? "," : "");
		json_write_text(out, text(list, i));
	}
	buffer_byte(out, ']');
}

static const char *label_text(const void *labels, size_t i)
{
	return clipcls_labels_text(labels, i);
}

static const char *class_text(const void *classes, size_t i)
{
	return ((char *const *)classes)[i];
}

/* Of each class the labels that are right for it. */
static void put_right(struct buffer *out, const struct class_map *map, size_t classes)
{
	buffer_text(out, ",\"right\":[");
	for (size_t class = 0; class < classes; class ++) {
		const char *separator = "";
		buffer_text(out, class > 0 ? ",[" : "[");
		for (size_t i = 0; i < map->labels; i++) {
			if (!class_map_right(map, class, i))
				continue;
			buffer_format(out, "%s%zu", separator, i);
			separator = ",";
		}
		buffer_byte(out, ']');
	}
	buffer_byte(out, ']');
}

void report_json_head(struct buffer *out, const struct report_run *run)
{
	const struct session *session = run->session;
	clipcls_model_info info = { 0 };
	clipcls_status status = clipcls_model_describe(session->model, &info, NULL);
	out->failed = out->failed || status != CLIPCLS_OK; /* it fails when memory is out */
	if (out->failed)
		return;
	buffer_byte(out, '{');
	put_key(out, "version", CLIPCLS_VERSION);
	buffer_byte(out, ',');
	put_key(out, "command", run->command);
	buffer_byte(out, ',');
	put_key(out, "model", info.path);
	buffer_byte(out, ',');
	put_key(out, "family", info.family);
	if (session->options->probe != NULL) {
		buffer_byte(out, ',');
		put_key(out, "probe", session->options->probe);
	}
	buffer_format(out, ",\"sigmoid\":%s,\"resumed\":%s",
	              info.has_logit_bias && session->options->probe == NULL ? "true" : "false",
	              session->options->resume != NULL ? "true" : "false");
	put_texts(out, "labels", clipcls_labels_count(session->labels), label_text, session->labels);
	if (run->dataset != NULL) {
		size_t classes = run->dataset->class_count;
		put_texts(out, "classes", classes, class_text, run->dataset->classes);
		put_right(out, run->map, classes);
	}
	buffer_byte(out, '}');
}

/* What the scores of answers are divided by: where only some labels may be one, their sum. */
static double score_sum(const struct report *report, const clipcls_record *record)
{
	double sum = 0;
	if (report->map == NULL)
		return 1;
	for (size_t i = 0; i < clipcls_labels_count(report->labels); i++)
		sum += report->map->allowed[record->results[i].index] ? record->results[i].score : 0;
	return sum > 0 ? sum : 1;
}

static void put_labels(struct buffer *out, const struct report *report,
                       const clipcls_record *record)
{
	double sum = score_sum(report, record);
	size_t put = 0;
	for (size_t i = 0; i < clipcls_labels_count(report->labels) && put < LABELS_AT_MOST; i++) {
		const clipcls_result *result = &record->results[i];
		double score = result->score / sum;
		if (report->map != NULL && !report->map->allowed[result->index])
			continue;
		if (put >= LABELS_AT_LEAST && score < LEAST_SCORE)
			break;
		buffer_format(out, "%s[%zu,%.6f,%.4f]", put > 0 ? "," : "", result->index, score,
		              result->similarity);
		put++;
	}
}

void report_json_record(struct buffer *out, const struct report *report,
                        const clipcls_record *record, size_t class)
{
	buffer_byte(out, '{');
	put_key(out, "path", record->path);
	if (class != REPORT_NO_CLASS)
		buffer_format(out, ",\"class\":%zu", class);
	if (record->status != CLIPCLS_OK) {
		buffer_byte(out, ',');
		put_key(out, "code", clipcls_status_name(record->status));
		buffer_byte(out, ',');
		put_key(out, "message", record->message);
	} else {
		buffer_format(out, ",\"width\":%zu,\"height\":%zu,\"labels\":[", record->thumbnail_width,
		              record->thumbnail_height);
		put_labels(out, report, record);
		buffer_byte(out, ']');
	}
	buffer_byte(out, '}');
}

static void put_base64(struct buffer *out, const unsigned char *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		unsigned long group = (unsigned long)bytes[i] << 16;
		group |= i + 1 < n ? (unsigned long)bytes[i + 1] << 8 : 0;
		group |= i + 2 < n ? bytes[i + 2] : 0;
		const char four[4] = { digits[group >> 18], digits[group >> 12 & 63],
			                   i + 1 < n ? digits[group >> 6 & 63] : '=',
			                   i + 2 < n ? digits[group & 63] : '=' };
		buffer_append(out, four, sizeof four);
	}
}

void report_json_thumbnail(struct buffer *out, const clipcls_record *record)
{
	buffer_byte(out, '"');
	put_base64(out, record->thumbnail, record->thumbnail_bytes);
	buffer_byte(out, '"');
}

void report_json_end(struct buffer *out, const struct report *report, const char *unfinished,
                     size_t skipped, const struct buffer *figures)
{
	buffer_format(out, "{\"pictures\":%zu,\"failed\":%zu,\"skipped\":%zu", report->pictures,
	              report->failed, skipped);
	if (unfinished != NULL) {
		buffer_byte(out, ',');
		put_key(out, "unfinished", unfinished);
	}
	if (figures != NULL) {
		buffer_text(out, ",\"figures\":");
		buffer_append(out, figures->bytes, figures->size);
		out->failed = out->failed || figures->failed;
	}
	buffer_byte(out, '}');
}
