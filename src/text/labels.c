#include "text/labels.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "text/builtin_data.h"
#include "text/lines.h"

#include <stdlib.h>
#include <string.h>

struct label {
	char *text;
	char **prompts;
	size_t prompt_count;
	char *id; /* in its set; NULL elsewhere */
};

struct clipcls_labels {
	struct label *items;
	size_t count, capacity;
	struct strmap *places; /* text -> index; a set's repeated name: its first */
};

clipcls_status clipcls_labels_new(clipcls_labels **out, clipcls_error *error)
{
	*out = NULL;
	clipcls_labels *labels = memory_new(1, sizeof *labels);
	if (labels != NULL)
		labels->places = strmap_new(16);
	if (labels == NULL || labels->places == NULL) {
		free(labels);
		return error_memory(error);
	}
	*out = labels;
	return CLIPCLS_OK;
}

static void label_free(struct label *label)
{
	for (size_t i = 0; i < label->prompt_count; i++)
		free(label->prompts[i]);
	free(label->prompts);
	free(label->text);
	free(label->id);
}

void clipcls_labels_free(clipcls_labels *labels)
{
	if (labels == NULL)
		return;
	for (size_t i = 0; i < labels->count; i++)
		label_free(&labels->items[i]);
	free(labels->items);
	strmap_free(labels->places);
	free(labels);
}

size_t clipcls_labels_count(const clipcls_labels *labels)
{
	return labels->count;
}

const char *clipcls_labels_text(const clipcls_labels *labels, size_t index)
{
	return index < labels->count ? labels->items[index].text : NULL;
}

const char *clipcls_labels_id(const clipcls_labels *labels, size_t index)
{
	return index < labels->count ? labels->items[index].id : NULL;
}

size_t clipcls_labels_prompt_count(const clipcls_labels *labels, size_t index)
{
	return index < labels->count ? labels->items[index].prompt_count : 0;
}

const char *labels_prompt(const clipcls_labels *labels, size_t index, size_t prompt)
{
	return labels->items[index].prompts[prompt];
}

/* ---- adding one ----------------------------------------------------------------------------- */

/* A label or prompt as it comes in: trimmed, not NUL-terminated. */
struct field {
	const char *text;
	size_t size;
};

static clipcls_status check_field(const struct field *field, const char *what, clipcls_error *error)
{
	if (field->size == 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s is empty", what);
	if (memchr(field->text, '\0', field->size) != NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s holds a NUL character", what);
	if (!utf8_valid(field->text, field->size))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s is not UTF-8", what);
	return CLIPCLS_OK;
}

/* Copies fields[0] (the label) and fields[1..n) (its prompts). False when memory is out. */
static bool label_copy(struct label *label, const struct field *fields, size_t n)
{
	*label = (struct label){ .text = memory_string(fields[0].text, fields[0].size) };
	label->prompts = memory_new(n - 1, sizeof *label->prompts);
	if (label->text == NULL || label->prompts == NULL)
		return false;
	for (size_t i = 1; i < n; i++) {
		label->prompts[label->prompt_count] = memory_string(fields[i].text, fields[i].size);
		if (label->prompts[label->prompt_count] == NULL)
			return false;
		label->prompt_count++;
	}
	return true;
}

/* Labels before `distinct` may not have this text, later ones may: a set's names repeat. */
static clipcls_status append(clipcls_labels *labels, const struct field *fields, size_t n,
                             size_t distinct, clipcls_error *error)
{
	clipcls_status status = check_field(&fields[0], "label", error);
	for (size_t i = 1; i < n && status == CLIPCLS_OK; i++)
		status = check_field(&fields[i], "prompt", error);
	size_t place;
	if (status == CLIPCLS_OK &&
	    strmap_get(labels->places, fields[0].text, fields[0].size, &place) && place < distinct)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "label \"%.*s\" stands twice",
		                   (int)size_min(fields[0].size, 200), fields[0].text);
	if (status != CLIPCLS_OK)
		return status;
	struct label label;
	struct label *grown =
	    memory_grow(labels->items, &labels->capacity, labels->count + 1, sizeof *grown);
	if (grown != NULL)
		labels->items = grown;
	if (grown == NULL || !label_copy(&label, fields, n)) {
		if (grown != NULL)
			label_free(&label);
		return error_memory(error);
	}
	if (strmap_put(labels->places, label.text, fields[0].size, labels->count) == STRMAP_NO_MEMORY) {
		label_free(&label);
		return error_memory(error);
	}
	labels->items[labels->count++] = label;
	return CLIPCLS_OK;
}

static struct field trimmed(const char *text, size_t n)
{
	text_trim(&text, &n);
	return (struct field){ .text = text, .size = n };
}

clipcls_status clipcls_labels_add(clipcls_labels *labels, const char *label,
                                  const char *const *prompts, size_t n_prompts,
                                  clipcls_error *error)
{
	size_t n;
	struct field *fields = size_add(n_prompts, 1, &n) ? memory_new(n, sizeof *fields) : NULL;
	if (fields == NULL)
		return error_memory(error);
	fields[0] = trimmed(label, strlen(label));
	for (size_t i = 0; i < n_prompts; i++)
		fields[i + 1] = trimmed(prompts[i], strlen(prompts[i]));
	clipcls_status status = append(labels, fields, n, labels->count, error);
	free(fields);
	return status;
}

/* ---- files and sets ------------------------------------------------------------------------- */

/* A list of fields that is used again for each line. */
struct field_list {
	struct field *items;
	size_t count, capacity;
};

/* Cuts a line at its tabs. Empty fields behind the label are dropped. */
static bool split_line(struct field_list *fields, const char *line, size_t n)
{
	fields->count = 0;
	for (;;) {
		const char *tab = memchr(line, '\t', n);
		size_t length = tab != NULL ? (size_t)(tab - line) : n;
		struct field field = trimmed(line, length);
		if (fields->count == 0 || field.size > 0) {
			struct field *grown =
			    memory_grow(fields->items, &fields->capacity, fields->count + 1, sizeof *grown);
			if (grown == NULL)
				return false;
			fields->items = grown;
			grown[fields->count++] = field;
		}
		if (tab == NULL)
			return true;
		line = tab + 1;
		n -= length + 1;
	}
}

clipcls_status clipcls_labels_add_text(clipcls_labels *labels, const char *bytes, size_t size,
                                       const char *name, clipcls_error *error)
{
	struct lines lines = { .bytes = bytes, .size = size };
	struct field_list fields = { 0 };
	clipcls_status status = CLIPCLS_OK;
	const char *line;
	size_t n, before = labels->count;
	while (status == CLIPCLS_OK && lines_next(&lines, &line, &n)) {
		if (!split_line(&fields, line, n)) {
			status = error_memory(error);
			break;
		}
		if (fields.count == 1 && fields.items[0].size == 0)
			continue;
		status = append(labels, fields.items, fields.count, labels->count, error);
		if (status == CLIPCLS_ERR_FORMAT)
			error_prefix(error, "%s:%zu: ", name, lines.number);
	}
	free(fields.items);
	if (status == CLIPCLS_OK && labels->count == before)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s:%zu: there is no label in the file", name,
		                   size_max(lines.number, 1));
	return status;
}

struct label_set {
	const char *name;
	const char *begin, *end;         /* the labels' texts, one a line */
	const char *ids_begin, *ids_end; /* their ids, in the same order */
};

static const struct label_set sets[] = {
	{ "imagenet1k", imagenet1k_names, imagenet1k_names_end, imagenet1k_wnids,
	  imagenet1k_wnids_end },
};

const char *clipcls_labels_set_name(size_t index)
{
	return index < sizeof sets / sizeof *sets ? sets[index].name : NULL;
}

clipcls_status clipcls_labels_add_set(clipcls_labels *labels, const char *set, clipcls_error *error)
{
	size_t i = 0, before = labels->count;
	while (i < sizeof sets / sizeof *sets && strcmp(sets[i].name, set) != 0)
		i++;
	if (i == sizeof sets / sizeof *sets)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "there is no label set \"%s\"", set);
	struct lines lines = { .bytes = sets[i].begin, .size = (size_t)(sets[i].end - sets[i].begin) };
	struct lines ids = { .bytes = sets[i].ids_begin,
		                 .size = (size_t)(sets[i].ids_end - sets[i].ids_begin) };
	clipcls_status status = CLIPCLS_OK;
	struct field field, id;
	while (status == CLIPCLS_OK && lines_next(&lines, &field.text, &field.size) &&
	       lines_next(&ids, &id.text, &id.size)) {
		status = append(labels, &field, 1, before, error);
		if (status != CLIPCLS_OK)
			break;
		labels->items[labels->count - 1].id = memory_string(id.text, id.size);
		if (labels->items[labels->count - 1].id == NULL)
			status = error_memory(error);
	}
	return status;
}
