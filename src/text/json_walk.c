#include "text/json_walk.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void json_walk_fail(struct json_walk *walk, const char *what)
{
	if (walk->status == CLIPCLS_OK)
		walk->status = error_set(walk->error, CLIPCLS_ERR_FORMAT, "%s: %s near byte %zu",
		                         walk->name, what, (size_t)(walk->at - walk->start));
}

/* The next character after white space, or NUL at the end and after an error. */
static char peek(struct json_walk *walk)
{
	if (walk->status != CLIPCLS_OK)
		return '\0';
	while (walk->at < walk->end &&
	       (*walk->at == ' ' || *walk->at == '\n' || *walk->at == '\r' || *walk->at == '\t'))
		walk->at++;
	return walk->at < walk->end ? *walk->at : '\0';
}

bool json_walk_take(struct json_walk *walk, char c)
{
	if (peek(walk) != c)
		return false;
	walk->at++;
	return true;
}

void json_walk_expect(struct json_walk *walk, char c)
{
	if (!json_walk_take(walk, c))
		json_walk_fail(walk, "broken JSON");
}

bool json_walk_at_string(struct json_walk *walk)
{
	return peek(walk) == '"';
}

bool json_walk_more(struct json_walk *walk, bool *first, char close)
{
	if (json_walk_take(walk, close))
		return false;
	if (!*first)
		json_walk_expect(walk, ',');
	*first = false;
	return walk->status == CLIPCLS_OK;
}

void json_walk_end(struct json_walk *walk)
{
	peek(walk);
	if (walk->at < walk->end)
		json_walk_fail(walk, "something follows the JSON");
}

/* ---- strings -------------------------------------------------------------------------------- */

/* Four hexadecimal digits; fails when they are not. */
static uint32_t take_hex(struct json_walk *walk)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++) {
		char c = walk->at < walk->end ? *walk->at : '\0';
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (uint32_t)((c | 0x20) - 'a' + 10);
		else {
			json_walk_fail(walk, "broken \\u escape");
			return 0;
		}
		value = value * 16 + digit;
		walk->at++;
	}
	return value;
}

static void take_unicode_escape(struct json_walk *walk, struct buffer *out)
{
	uint32_t c = take_hex(walk);
	if (c >= 0xd800 && c <= 0xdbff && walk->end - walk->at >= 2 && walk->at[0] == '\\' &&
	    walk->at[1] == 'u') {
		walk->at += 2;
		uint32_t low = take_hex(walk);
		c = low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0;
	}
	if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
		json_walk_fail(walk, "\\u escape of no character");
	else
		buffer_code_point(out, c);
}

static void take_escape(struct json_walk *walk, struct buffer *out)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	char c = walk->at < walk->end ? *walk->at : '\0';
	const char *letter = c != '\0' ? strchr(letters, c) : NULL;
	if (letter != NULL) {
		walk->at++;
		buffer_byte(out, meanings[letter - letters]);
	} else if (c == 'u') {
		walk->at++;
		take_unicode_escape(walk, out);
	} else {
		json_walk_fail(walk, "broken escape");
	}
}

void json_walk_string(struct json_walk *walk, struct buffer *out)
{
	buffer_clear(out);
	json_walk_expect(walk, '"');
	while (walk->status == CLIPCLS_OK) {
		const char *run = walk->at;
		while (walk->at < walk->end && *walk->at != '"' && *walk->at != '\\' &&
		       (unsigned char)*walk->at >= 0x20)
			walk->at++;
		buffer_append(out, run, (size_t)(walk->at - run));
		if (walk->at == walk->end || (unsigned char)*walk->at < 0x20) {
			json_walk_fail(walk, "broken string");
			return;
		}
		if (*walk->at++ == '"')
			break;
		take_escape(walk, out);
	}
	if (out->failed && walk->status == CLIPCLS_OK)
		walk->status = error_memory(walk->error);
}

/* ---- numbers, and values that are only stepped over ----------------------------------------- */

size_t json_walk_size(struct json_walk *walk)
{
	size_t value = 0;
	char c = peek(walk);
	if (c < '0' || c > '9') {
		json_walk_fail(walk, "a whole number is missing");
		return 0;
	}
	bool zero = c == '0';
	for (int digits = 0; walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9'; digits++) {
		if (digits == 18 || (zero && digits == 1)) {
			json_walk_fail(walk, "a number is out of range");
			return 0;
		}
		value = value * 10 + (size_t)(*walk->at++ - '0');
	}
	if (walk->at < walk->end && strchr(".eE", *walk->at) != NULL && *walk->at != '\0')
		json_walk_fail(walk, "a number is not whole");
	return value;
}

double json_walk_number(struct json_walk *walk)
{
	char digits[64], *end = NULL;
	size_t n = 0;
	peek(walk);
	const char *point = localeconv()->decimal_point; /* strtod reads the locale's */
	for (const char *at = walk->at; walk->status == CLIPCLS_OK && at < walk->end; at++) {
		if ((*at < '0' || *at > '9') && memchr("+-.eE", *at, 5) == NULL)
			break;
		if (n == sizeof digits - 1) {
			json_walk_fail(walk, "a number is too long");
			return 0;
		}
		digits[n++] = *at == '.' ? *point : *at;
	}
	digits[n] = '\0';
	double value = n > 0 ? strtod(digits, &end) : 0;
	if (end == NULL || *end != '\0' || digits[0] == '+' || !isfinite(value)) {
		json_walk_fail(walk, "a number is missing or broken");
		return 0;
	}
	walk->at += n;
	return value;
}

static void skip_string(struct json_walk *walk)
{
	walk->at++;
	while (walk->at < walk->end && *walk->at != '"')
		walk->at += *walk->at == '\\' && walk->end - walk->at > 1 ? 2 : 1;
	if (walk->at == walk->end)
		json_walk_fail(walk, "broken string");
	else
		walk->at++;
}

void json_walk_value(struct json_walk *walk, const char **text, size_t *n)
{
	size_t depth = 0;
	char c = peek(walk);
	*text = walk->at;
	if (c == '\0' || c == ',' || c == '}' || c == ']')
		json_walk_fail(walk, "broken JSON");
	while (walk->status == CLIPCLS_OK && walk->at < walk->end) {
		c = *walk->at;
		if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			break;
		if (c == '"') {
			skip_string(walk);
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		walk->at++;
	}
	if (depth > 0)
		json_walk_fail(walk, "broken JSON");
	*n = (size_t)(walk->at - *text);
}
