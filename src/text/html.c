#include "text/html.h"

#include "base/checked.h"
#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

enum entity_kind { ENTITY_HTML, ENTITY_FTFY };

struct entity {
	char name[33]; /* without the ampersand, with the semicolon where it has one */
	char text[7];
	unsigned char kind;
};

static const struct entity entities[] = {
#include "text/html_entities.inc"
};

#define ENTITY_COUNT (sizeof entities / sizeof *entities)
/* html.unescape takes at most 32 characters and a semicolon for a name, and ftfy 24. */
#define NAME_MAX_CHARS 32
#define STRICT_NAME_MAX 24

static const struct entity *find_entity(const char *name, size_t n)
{
	size_t low = 0, high = ENTITY_COUNT;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = entities[middle].name;
		size_t length = strlen(other);
		int order = memcmp(name, other, size_min(n, length));
		if (order == 0 && n == length)
			return &entities[middle];
		if (order < 0 || (order == 0 && n < length))
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_alphanumeric(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- numeric references --------------------------------------------------------------------- */

/* Code points that HTML drops: most controls, and the noncharacters. */
static bool is_dropped(uint32_t c)
{
	return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f ||
	       (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

static void append_numeric(struct buffer *out, uint32_t c)
{
	if (c >= 0x80 && c <= 0x9f)
		buffer_code_point(out, unicode_windows_1252(c));
	else if (c == 0 || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		buffer_code_point(out, 0xfffd);
	else if (!is_dropped(c))
		buffer_code_point(out, c);
}

/* Reads "#123" or "#x1f" at text[0..n). Returns its length without a semicolon, 0 = none. */
static size_t read_numeric(uint32_t *value, const char *text, size_t n)
{
	bool hex = n > 2 && (text[1] == 'x' || text[1] == 'X');
	size_t i = hex ? 2 : 1, start = i;
	uint32_t base = hex ? 16 : 10;
	*value = 0;
	for (; i < n; i++) {
		int digit = hex_value(text[i]);
		if (digit < 0 || (uint32_t)digit >= base)
			break;
		if (*value <= 0x10ffff) /* above it, more digits change nothing */
			*value = *value * base + (uint32_t)digit;
	}
	return i > start ? i : 0;
}

/* ---- html.unescape -------------------------------------------------------------------------- */

/* Bytes of the longest run [^\t\n\f <&#;]{1,32};? at text[0..n). */
static size_t name_length(const char *text, size_t n)
{
	uint32_t c;
	size_t i = 0;
	for (size_t chars = 0; i < n && chars < NAME_MAX_CHARS; chars++) {
		if (strchr("\t\n\f <&#;", text[i]) != NULL && text[i] != '\0')
			break;
		i += utf8_decode(&c, text + i, n - i);
	}
	return i > 0 && i < n && text[i] == ';' ? i + 1 : i;
}

/* The reference behind an ampersand. Returns how many bytes it takes; 0 = there is none. */
static size_t append_reference(struct buffer *out, const char *text, size_t n)
{
	if (n > 0 && text[0] == '#') {
		uint32_t value;
		size_t length = read_numeric(&value, text, n);
		if (length == 0)
			return 0;
		append_numeric(out, value);
		return length < n && text[length] == ';' ? length + 1 : length;
	}
	/* The longest known name that the text starts with. */
	for (size_t length = name_length(text, n); length > 1; length--) {
		const struct entity *entity = find_entity(text, length);
		if (entity != NULL && entity->kind == ENTITY_HTML) {
			buffer_text(out, entity->text);
			return length;
		}
	}
	return 0;
}

void html_unescape(struct buffer *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		const char *ampersand = memchr(text + i, '&', n - i);
		size_t plain = ampersand != NULL ? (size_t)(ampersand - text) - i : n - i;
		buffer_append(out, text + i, plain);
		i += plain;
		if (i == n)
			return;
		size_t length = append_reference(out, text + i + 1, n - i - 1);
		if (length == 0)
			buffer_byte(out, '&');
		i += 1 + length;
	}
}

/* ---- ftfy ----------------------------------------------------------------------------------- */

/* Bytes of #?[0-9A-Za-z]{1,24}; at text[0..n); 0 = there is none. */
static size_t strict_length(const char *text, size_t n)
{
	size_t start = n > 0 && text[0] == '#' ? 1 : 0;
	size_t i = start;
	while (i < n && i - start < STRICT_NAME_MAX && is_alphanumeric(text[i]))
		i++;
	return i > start && i < n && text[i] == ';' ? i + 1 : 0;
}

/* Returns how many of the `length` bytes behind the ampersand were replaced: all, or none. */
static size_t append_strict(struct buffer *out, const char *text, size_t length)
{
	if (length == 0)
		return 0;
	if (text[0] == '#') {
		uint32_t value;
		/* A semicolon that stays, or that comes out, means "not decoded" to ftfy. */
		if (read_numeric(&value, text, length) + 1 != length || value == ';')
			return 0;
		append_numeric(out, value);
		return length;
	}
	const struct entity *entity = find_entity(text, length);
	if (entity == NULL)
		return 0;
	buffer_text(out, entity->text);
	return length;
}

void html_unescape_strict(struct buffer *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		const char *ampersand = memchr(text + i, '&', n - i);
		size_t plain = ampersand != NULL ? (size_t)(ampersand - text) - i : n - i;
		buffer_append(out, text + i, plain);
		i += plain;
		if (i == n)
			return;
		size_t length = append_strict(out, text + i + 1, strict_length(text + i + 1, n - i - 1));
		if (length == 0)
			buffer_byte(out, '&');
		i += 1 + length;
	}
}
