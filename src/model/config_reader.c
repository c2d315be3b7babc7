#include "model/config_reader.h"

#include <math.h>

/* Enough of an unsupported value to recognise it. */
#define SHOWN_VALUE 60

const double openai_image_mean[3] = { 0.48145466, 0.4578275, 0.40821073 };
const double openai_image_std[3] = { 0.26862954, 0.26130258, 0.27577711 };

void config_fail(struct config_reader *reader, clipcls_status status, const char *key,
                 const char *what)
{
	if (reader->status == CLIPCLS_OK)
		reader->status = error_set(reader->error, status, "%s: %s%s %s", reader->path,
		                           reader->section, key, what);
}

void config_unsupported(struct config_reader *reader, const char *key)
{
	struct buffer value = { 0 };
	if (reader->status != CLIPCLS_OK)
		return;
	const json *node = json_get(reader->object, key);
	if (node != NULL)
		json_write(&value, node);
	else
		buffer_text(&value, "null");
	if (value.failed)
		reader->status = error_memory(reader->error);
	else
		reader->status =
		    error_set(reader->error, CLIPCLS_ERR_UNSUPPORTED, "%s: %s%s = %.*s%s is not supported",
		              reader->path, reader->section, key, SHOWN_VALUE, value.bytes,
		              value.size > SHOWN_VALUE ? "..." : "");
	buffer_free(&value);
}

struct config_reader config_enter(struct config_reader *parent, const char *key,
                                  const char *section)
{
	struct config_reader child = *parent;
	child.object = config_get(parent, key);
	child.section = section;
	if (child.object != NULL && !json_is_object(child.object)) {
		config_fail(parent, CLIPCLS_ERR_FORMAT, key, "is not an object");
		child.object = NULL;
		child.status = parent->status;
	}
	return child;
}

void config_leave(struct config_reader *parent, const struct config_reader *child)
{
	if (parent->status == CLIPCLS_OK)
		parent->status = child->status;
}

const json *config_get(const struct config_reader *reader, const char *key)
{
	const json *node = json_get(reader->object, key);
	return json_is_null(node) ? NULL : node;
}

size_t config_size(struct config_reader *reader, const char *key, size_t fallback)
{
	const json *node = config_get(reader, key);
	size_t value = fallback;
	if (node != NULL && !json_size(node, &value))
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is not a whole number");
	return value;
}

int32_t config_id(struct config_reader *reader, const char *key, size_t fallback)
{
	size_t id = config_size(reader, key, fallback);
	if (id > INT32_MAX)
		config_unsupported(reader, key);
	return (int32_t)id;
}

double config_number(struct config_reader *reader, const char *key, double fallback)
{
	const json *node = config_get(reader, key);
	if (node == NULL)
		return fallback;
	double value = json_number(node, NAN);
	if (!isfinite(value)) {
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is not a number");
		return fallback;
	}
	return value;
}

bool config_bool(struct config_reader *reader, const char *key, bool fallback)
{
	const json *node = config_get(reader, key);
	if (node != NULL && !json_is_bool(node))
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is neither true nor false");
	return json_bool(node, fallback);
}

const char *config_string(struct config_reader *reader, const char *key, const char *fallback)
{
	const json *node = config_get(reader, key);
	if (node != NULL && !json_is_string(node))
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is not a string");
	return json_string(node, fallback);
}

size_t config_square(struct config_reader *reader, const char *key, size_t fallback)
{
	const json *node = config_get(reader, key);
	size_t height, width;
	if (!json_is_array(node))
		return config_size(reader, key, fallback);
	const json *first = json_first(node), *second = json_next(first);
	if (!json_size(first, &height) || !json_size(second, &width) || json_next(second) != NULL)
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is not one or two whole numbers");
	else if (height != width)
		config_unsupported(reader, key);
	else
		return height;
	return fallback;
}

void config_triple(struct config_reader *reader, const char *key, double out[3])
{
	const json *node = config_get(reader, key);
	if (node == NULL)
		return;
	if (json_is_number(node)) {
		for (size_t i = 0; i < 3; i++)
			out[i] = json_number(node, 0);
		return;
	}
	size_t n = 0;
	bool good = json_is_array(node);
	for (const json *item = json_first(node); item != NULL && good; item = json_next(item)) {
		good = n < 3 && json_is_number(item);
		if (good)
			out[n++] = json_number(item, 0);
	}
	if (!good || n != 3)
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is not a list of three numbers");
}

void config_sizes(struct config_reader *reader, const char *key, struct size_list *out)
{
	const json *node = config_get(reader, key);
	struct size_list sizes = { 0 };
	bool good = json_is_array(node);
	if (node == NULL)
		return;
	for (const json *item = json_first(node); item != NULL && good; item = json_next(item))
		good = sizes.count < SIZE_LIST_LIMIT && json_size(item, &sizes.items[sizes.count++]);
	if (good)
		*out = sizes;
	else
		config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is not a list of a few whole numbers");
}

void config_color(struct config_reader *reader, const char *key, uint8_t out[3])
{
	double color[3] = { 0, 0, 0 };
	config_triple(reader, key, color);
	for (size_t i = 0; i < 3; i++) {
		if (!(color[i] >= 0 && color[i] <= 255))
			config_fail(reader, CLIPCLS_ERR_FORMAT, key, "is out of range");
		else
			out[i] = (uint8_t)color[i];
	}
}

size_t config_word(struct config_reader *reader, const char *key, const char *const *words,
                   size_t fallback)
{
	size_t value = fallback;
	if (!word_find(&value, words, config_string(reader, key, words[fallback])))
		config_unsupported(reader, key);
	return value;
}
