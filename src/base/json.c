#include "base/json.h"

#include "base/file.h"
#include "base/strmap.h"
#include "base/utf8.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* `json` is cJSON under another name, so that cJSON can be replaced in this file alone. */
static const cJSON *node_of(const json *node)
{
	return (const cJSON *)node;
}

static const json *json_of(const cJSON *node)
{
	return (const json *)node;
}

/* The first key that an object of the document has twice is put into *duplicate.
 * Recursion is bounded by cJSON's nesting limit. */
static clipcls_status find_duplicate_key(const cJSON *node, const char **duplicate,
                                         clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	struct strmap *keys = NULL;
	if (cJSON_IsObject(node) && node->child != NULL) {
		keys = strmap_new(8);
		if (keys == NULL)
			return error_memory(error);
	}
	for (const cJSON *child = node->child; child != NULL; child = child->next) {
		if (keys != NULL) {
			enum strmap_put put = strmap_put(keys, child->string, strlen(child->string), 0);
			if (put == STRMAP_EXISTS)
				*duplicate = child->string;
			else if (put == STRMAP_NO_MEMORY)
				status = error_memory(error);
		}
		if (status == CLIPCLS_OK && *duplicate == NULL && child->child != NULL)
			status = find_duplicate_key(child, duplicate, error);
		if (status != CLIPCLS_OK || *duplicate != NULL)
			break;
	}
	strmap_free(keys);
	return status;
}

/* cJSON ends strings at a NUL, so two different keys could read as the same one. */
static bool holds_escaped_nul(const char *bytes, size_t size)
{
	for (size_t i = 0; i + 1 < size; i++) {
		if (bytes[i] != '\\')
			continue;
		if (bytes[i + 1] == 'u' && size - i >= 6 && memcmp(bytes + i + 2, "0000", 4) == 0)
			return true;
		i++; /* the escaped character: "\\u0000" is a backslash and four digits */
	}
	return false;
}

clipcls_status json_parse(json **out, const char *bytes, size_t size, const char *name,
                          clipcls_error *error)
{
	*out = NULL;
	if (memchr(bytes, '\0', size) != NULL || holds_escaped_nul(bytes, size))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: JSON holds a NUL character", name);
	const char *end = NULL;
	/* cJSON does not tell want of memory from a broken text; an allocation that failed does. */
	errno = 0;
	cJSON *root = cJSON_ParseWithLengthOpts(bytes, size, &end, 0);
	if (root == NULL && errno == ENOMEM)
		return error_memory(error);
	if (root == NULL) {
		size_t offset = end != NULL ? (size_t)(end - bytes) : 0;
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: broken JSON near byte %zu", name, offset);
	}
	while (end < bytes + size && strchr(" \t\r\n", *end) != NULL)
		end++;
	const char *duplicate = NULL;
	clipcls_status status;
	if (end < bytes + size)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: something follows the JSON at byte %zu",
		                   name, (size_t)(end - bytes));
	else
		status = find_duplicate_key(root, &duplicate, error);
	if (duplicate != NULL)
		status =
		    error_set(error, CLIPCLS_ERR_FORMAT, "%s: key \"%s\" stands twice", name, duplicate);
	if (status != CLIPCLS_OK) {
		cJSON_Delete(root);
		return status;
	}
	*out = (json *)root;
	return CLIPCLS_OK;
}

clipcls_status json_read(json **out, const char *path, size_t limit, clipcls_error *error)
{
	char *bytes = NULL;
	size_t size = 0;
	*out = NULL;
	clipcls_status status = file_read(&bytes, &size, path, limit, error);
	if (status == CLIPCLS_OK)
		status = json_parse(out, bytes, size, path, error);
	free(bytes);
	return status;
}

void json_free(json *root)
{
	cJSON_Delete((cJSON *)root);
}

const json *json_get(const json *node, const char *key)
{
	if (!json_is_object(node))
		return NULL;
	return json_of(cJSON_GetObjectItemCaseSensitive(node_of(node), key));
}

const json *json_first(const json *node)
{
	return node == NULL ? NULL : json_of(node_of(node)->child);
}

const json *json_next(const json *node)
{
	return node == NULL ? NULL : json_of(node_of(node)->next);
}

size_t json_count(const json *node)
{
	size_t n = 0;
	for (const json *child = json_first(node); child != NULL; child = json_next(child))
		n++;
	return n;
}

const char *json_key(const json *node)
{
	return node == NULL || node_of(node)->string == NULL ? "" : node_of(node)->string;
}

bool json_is_object(const json *node)
{
	return cJSON_IsObject(node_of(node));
}

bool json_is_array(const json *node)
{
	return cJSON_IsArray(node_of(node));
}

bool json_is_string(const json *node)
{
	return cJSON_IsString(node_of(node));
}

bool json_is_number(const json *node)
{
	return cJSON_IsNumber(node_of(node));
}

bool json_is_bool(const json *node)
{
	return cJSON_IsBool(node_of(node));
}

bool json_is_null(const json *node)
{
	return cJSON_IsNull(node_of(node));
}

const char *json_string(const json *node, const char *fallback)
{
	return json_is_string(node) ? node_of(node)->valuestring : fallback;
}

double json_number(const json *node, double fallback)
{
	return json_is_number(node) ? node_of(node)->valuedouble : fallback;
}

bool json_bool(const json *node, bool fallback)
{
	return json_is_bool(node) ? (bool)cJSON_IsTrue(node_of(node)) : fallback;
}

bool json_size(const json *node, size_t *out)
{
	/* Doubles hold whole numbers exactly up to 2^53. */
	const double limit = 9007199254740992.0;
	double value = json_number(node, -1);
	if (!(value >= 0 && value <= limit) || value != floor(value))
		return false;
	*out = (size_t)value;
	return true;
}

void json_write(struct buffer *out, const json *node)
{
	char *text = cJSON_PrintUnformatted(node_of(node));
	if (text == NULL) {
		out->failed = true;
		return;
	}
	buffer_text(out, text);
	cJSON_free(text);
}

static void write_escape(struct buffer *out, unsigned char byte)
{
	switch (byte) {
	case '"': buffer_text(out, "\\\""); return;
	case '\\': buffer_text(out, "\\\\"); return;
	case '\b': buffer_text(out, "\\b"); return;
	case '\f': buffer_text(out, "\\f"); return;
	case '\n': buffer_text(out, "\\n"); return;
	case '\r': buffer_text(out, "\\r"); return;
	case '\t': buffer_text(out, "\\t"); return;
	default: buffer_format(out, "\\u%04x", byte);
	}
}

void json_write_string(struct buffer *out, const char *bytes, size_t n)
{
	uint32_t c;
	buffer_byte(out, '"');
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, bytes + i, n - i);
		if (length == 0) {
			buffer_format(out, "\\udc%02x", (unsigned char)bytes[i]);
			length = 1;
		} else if (length == 1 && (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)) {
			write_escape(out, (unsigned char)c);
		} else {
			buffer_append(out, bytes + i, length);
		}
		i += length;
	}
	buffer_byte(out, '"');
}

void json_write_text(struct buffer *out, const char *text)
{
	json_write_string(out, text, strlen(text));
}
