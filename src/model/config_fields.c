#include "model/config_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(enum activation) == sizeof(int), "FIELD_WORD reads and writes enums as int");

static const void *place_of(const struct config_field *field, const void *part)
{
	return (const char *)part + field->offset;
}

static size_t word_of(const struct config_field *field, const void *part)
{
	int word;
	memcpy(&word, place_of(field, part), sizeof word);
	return (size_t)word;
}

/* The fewest digits that give back the same double; 17 always do. */
static void write_number(struct buffer *out, double value)
{
	char text[32];
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	/* A host program's locale may write a decimal comma. */
	char *comma = strchr(text, ',');
	if (comma != NULL)
		*comma = '.';
	buffer_text(out, text);
}

static void write_triple(struct buffer *out, const double values[3])
{
	for (size_t i = 0; i < 3; i++) {
		buffer_byte(out, i == 0 ? '[' : ',');
		write_number(out, values[i]);
	}
	buffer_byte(out, ']');
}

static void write_sizes(struct buffer *out, const struct size_list *sizes)
{
	buffer_byte(out, '[');
	for (size_t i = 0; i < sizes->count; i++)
		buffer_format(out, i > 0 ? ",%zu" : "%zu", sizes->items[i]);
	buffer_byte(out, ']');
}

static void write_field(struct buffer *out, const struct config_field *field, const void *part)
{
	const void *place = place_of(field, part);
	buffer_format(out, "\"%s\":", field->key);
	switch (field->kind) {
	case FIELD_SIZE: buffer_format(out, "%zu", *(const size_t *)place); break;
	case FIELD_SIZES: write_sizes(out, place); break;
	case FIELD_ID: buffer_format(out, "%d", (int)*(const int32_t *)place); break;
	case FIELD_NUMBER: write_number(out, *(const double *)place); break;
	case FIELD_BOOL: buffer_text(out, *(const bool *)place ? "true" : "false"); break;
	case FIELD_WORD: buffer_format(out, "\"%s\"", field->words[word_of(field, part)]); break;
	case FIELD_TRIPLE: write_triple(out, place); break;
	case FIELD_COLOR: {
		const uint8_t *color = place;
		buffer_format(out, "[%d,%d,%d]", color[0], color[1], color[2]);
		break;
	}
	}
}

void config_fields_write(struct buffer *out, const struct config_fields *fields, const void *part)
{
	for (size_t i = 0; i < fields->count; i++) {
		if (i > 0)
			buffer_byte(out, ',');
		write_field(out, &fields->items[i], part);
	}
}

static void read_field(void *part, const struct config_field *field, struct config_reader *reader)
{
	void *place = (char *)part + field->offset;
	size_t fallback = field->fallback;
	if (!field->optional && config_get(reader, field->key) == NULL) {
		config_fail(reader, CLIPCLS_ERR_FORMAT, field->key, "is missing");
		return;
	}
	switch (field->kind) {
	case FIELD_SIZE: *(size_t *)place = config_size(reader, field->key, fallback); break;
	case FIELD_SIZES: config_sizes(reader, field->key, place); break;
	case FIELD_ID: *(int32_t *)place = config_id(reader, field->key, fallback); break;
	case FIELD_NUMBER:
		*(double *)place = config_number(reader, field->key, (double)fallback);
		break;
	case FIELD_BOOL: *(bool *)place = config_bool(reader, field->key, fallback != 0); break;
	case FIELD_WORD: {
		int word = (int)config_word(reader, field->key, field->words, fallback);
		memcpy(place, &word, sizeof word);
		break;
	}
	case FIELD_TRIPLE: config_triple(reader, field->key, place); break;
	case FIELD_COLOR: config_color(reader, field->key, place); break;
	}
}

void config_fields_read(void *part, const struct config_fields *fields,
                        struct config_reader *reader)
{
	for (size_t i = 0; i < fields->count; i++)
		read_field(part, &fields->items[i], reader);
}

bool config_fields_has(const struct config_fields *fields, const char *key)
{
	for (size_t i = 0; i < fields->count; i++)
		if (strcmp(fields->items[i].key, key) == 0)
			return true;
	return false;
}

/* What is to be in range. */
static struct size_list sizes_of(const struct config_field *field, const void *part)
{
	struct size_list sizes = { 0 };
	if (field->kind == FIELD_SIZES)
		memcpy(&sizes, place_of(field, part), sizeof sizes);
	else if (field->kind == FIELD_SIZE)
		sizes = (struct size_list){ 1, { *(const size_t *)place_of(field, part) } };
	return sizes;
}

clipcls_status config_fields_check(const struct config_fields *fields, const void *part,
                                   const char *tower, const char *path, clipcls_error *error)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct config_field *field = &fields->items[i];
		size_t limit = field->limit > 0 ? field->limit : SIZE_LIMIT;
		struct size_list sizes = sizes_of(field, part);
		for (size_t j = 0; j < sizes.count; j++)
			if ((sizes.items[j] == 0 && !field->optional) || sizes.items[j] > limit)
				return error_set(error, CLIPCLS_ERR_FORMAT,
				                 "%s: %s tower: %s of %zu is out of range", path, tower, field->key,
				                 sizes.items[j]);
	}
	return CLIPCLS_OK;
}
