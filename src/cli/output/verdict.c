#include "cli/output/verdict.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

bool verdict_find(size_t *out, const clipcls_labels *labels, const char *text)
{
	for (*out = 0; *out < clipcls_labels_count(labels); ++*out)
		if (strcmp(clipcls_labels_text(labels, *out), text) == 0)
			return true;
	return false;
}

static clipcls_status check(const clipcls_labels *labels, const char *option, const char *text,
                            clipcls_error *error)
{
	size_t place;
	if (text == NULL || verdict_find(&place, labels, text))
		return CLIPCLS_OK;
	error->status = CLIPCLS_ERR_ARGUMENT;
	snprintf(error->message, sizeof error->message, "--%s %.500s: is not among the labels", option,
	         text);
	return error->status;
}

clipcls_status verdict_check(const struct options *options, const clipcls_labels *labels,
                             clipcls_error *error)
{
	clipcls_status status = check(labels, "expect", options->expect, error);
	if (status == CLIPCLS_OK)
		status = check(labels, "explain-label", options->explain_label, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < options->matches.count; i++)
		status = check(labels, "match", options->matches.items[i], error);
	return status;
}

bool verdict_expects(const struct options *options)
{
	return options->expect != NULL || (options->min_score > 0 && options->matches.count == 0);
}

static const char *first_label(const clipcls_labels *labels, const clipcls_record *record)
{
	return clipcls_labels_text(labels, record->results[0].index);
}

bool verdict_met(const struct options *options, const clipcls_labels *labels,
                 const clipcls_record *record)
{
	return record->results[0].score >= options->min_score &&
	       (options->expect == NULL || strcmp(first_label(labels, record), options->expect) == 0);
}

void verdict_explain(struct buffer *out, const struct options *options,
                     const clipcls_labels *labels, const clipcls_record *record)
{
	buffer_text(out, "expected ");
	buffer_text(out, options->expect != NULL ? options->expect : "a first label");
	if (options->min_score > 0)
		buffer_format(out, " of at least %.1f%%", 100 * options->min_score);
	buffer_text(out, ", is ");
	buffer_text(out, first_label(labels, record));
	buffer_format(out, " (%.1f%%)", 100 * record->results[0].score);
}

bool verdict_shown(const struct options *options, const clipcls_labels *labels,
                   const clipcls_record *record)
{
	if (options->matches.count == 0 || record->status != CLIPCLS_OK)
		return true;
	for (size_t i = 0; i < options->matches.count; i++)
		if (strcmp(first_label(labels, record), options->matches.items[i]) == 0)
			return record->results[0].score >= options->min_score;
	return false;
}
