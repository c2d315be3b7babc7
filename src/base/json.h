/* JSON: reading through cJSON, and the escaping for writing it. */
#ifndef CLIPCLS_BASE_JSON_H
#define CLIPCLS_BASE_JSON_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>

/* A node of a parsed document; belongs to the document's root. */
typedef struct json json;

/* Parses one document; nothing but white space may follow it. Refused: broken JSON, nesting deeper
 * than cJSON's limit, a key twice in one object, a string with \u0000 in it. Messages start with
 * `name`. On error *out is NULL. */
clipcls_status json_parse(json **out, const char *bytes, size_t size, const char *name,
                          clipcls_error *error);
/* Reads and parses a file of at most `limit` bytes. */
clipcls_status json_read(json **out, const char *path, size_t limit, clipcls_error *error);
void json_free(json *root);

/* Member `key` of an object; NULL when node is NULL or no object, or has no such key.
 * Linear in the object's size: walk large objects with json_first/json_next. */
const json *json_get(const json *node, const char *key);
/* Children of an array or object in order; NULL at the end (and for anything else). */
const json *json_first(const json *node);
const json *json_next(const json *node);
size_t json_count(const json *node);
/* The member's key; "" outside objects. */
const char *json_key(const json *node);

bool json_is_object(const json *node);
bool json_is_array(const json *node);
bool json_is_string(const json *node);
bool json_is_number(const json *node);
bool json_is_bool(const json *node);
bool json_is_null(const json *node); /* a JSON null; false for a NULL pointer */

/* The value, or `fallback` when the node is NULL or of another type. */
const char *json_string(const json *node, const char *fallback);
double json_number(const json *node, double fallback);
bool json_bool(const json *node, bool fallback);
/* A whole number >= 0 that fits; false for anything else. */
bool json_size(const json *node, size_t *out);

/* Appends the text of a node as compact JSON. */
void json_write(struct buffer *out, const json *node);
/* Appends "text" with JSON's escapes. n bytes; those that are not UTF-8 become \udcXX, as Python's
 * surrogateescape has it. */
void json_write_string(struct buffer *out, const char *bytes, size_t n);
/* The same of a text that ends in NUL. */
void json_write_text(struct buffer *out, const char *text);

#endif
