#include "text/clean.h"

#include "base/utf8.h"
#include "text/html.h"
#include "text/unicode.h"

#include <string.h>

void clean_huggingface(struct buffer *out, const char *text, size_t n)
{
	struct buffer composed = { 0 };
	unicode_compose(&composed, text, n, TEXT_CLEANING_HUGGINGFACE);
	unicode_lower_chars(out, composed.bytes, composed.size);
	out->failed |= composed.failed;
	buffer_free(&composed);
}

/* Empties a buffer that is used again; clearing forgets a failure, *failed does not. */
static void restart(struct buffer *buffer, bool *failed)
{
	*failed |= buffer->failed;
	buffer_clear(buffer);
}

/* ---- ftfy ----------------------------------------------------------------------------------- */

/* ftfy's LIGATURES, ligatures and digraphs of Latin letters; NULL for any other character. */
static const char *latin_ligature(uint32_t c)
{
	switch (c) {
	case 0x132: return "IJ";
	case 0x133: return "ij";
	case 0x149: return "'n"; /* by way of U+02BC, a curly quote to ftfy */
	case 0x1f1: return "DZ";
	case 0x1f2: return "Dz";
	case 0x1f3: return "dz";
	case 0x1c4: return "D\xc5\xbd"; /* D, Z with caron */
	case 0x1c5: return "D\xc5\xbe";
	case 0x1c6: return "d\xc5\xbe";
	case 0x1c7: return "LJ";
	case 0x1c8: return "Lj";
	case 0x1c9: return "lj";
	case 0x1ca: return "NJ";
	case 0x1cb: return "Nj";
	case 0x1cc: return "nj";
	case 0xfb00: return "ff";
	case 0xfb01: return "fi";
	case 0xfb02: return "fl";
	case 0xfb03: return "ffi";
	case 0xfb04: return "ffl";
	case 0xfb05: return "\xc5\xbft"; /* long s, t */
	case 0xfb06: return "st";
	default: return NULL;
	}
}

static uint32_t straight_quote(uint32_t c)
{
	if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
		return '\'';
	if (c >= 0x201c && c <= 0x201f)
		return '"';
	return c;
}

/* fix_c1_controls, fix_latin_ligatures, fix_character_width, uncurl_quotes and fix_line_breaks:
 * each maps single characters, and none undoes an earlier one, so one walk does them all. */
static void fix_characters(struct buffer *out, const char *text, size_t n)
{
	uint32_t c;
	for (size_t i = 0; i < n;) {
		i += utf8_decode(&c, text + i, n - i);
		c = straight_quote(unicode_windows_1252(c));
		const char *letters = latin_ligature(c);
		if (letters != NULL)
			buffer_text(out, letters);
		else if (c == '\r' && i < n && text[i] == '\n')
			continue;
		else if (c == '\r' || c == 0x2028 || c == 0x2029)
			buffer_byte(out, '\n');
		else
			unicode_usual_width(out, c);
	}
}

/* Bytes of \033\[((?:\d|;)*)([a-zA-Z]) at text[0..n); 0 = there is none. */
static size_t terminal_escape_length(const char *text, size_t n)
{
	uint32_t c;
	if (n < 3 || text[0] != '\033' || text[1] != '[')
		return 0;
	size_t i = 2;
	while (i < n) {
		i += utf8_decode(&c, text + i, n - i);
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			return i;
		if (c != ';' && !unicode_is_decimal(c))
			return 0;
	}
	return 0;
}

/* ftfy's CONTROL_CHARS. */
static bool is_control(uint32_t c)
{
	return c <= 0x8 || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f ||
	       (c >= 0x206a && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

/* remove_terminal_escapes and remove_control_chars. */
static void remove_controls(struct buffer *out, const char *text, size_t n)
{
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t escape = terminal_escape_length(text + i, n - i);
		if (escape > 0) {
			i += escape;
			continue;
		}
		size_t length = utf8_decode(&c, text + i, n - i);
		if (!is_control(c))
			buffer_append(out, text + i, length);
		i += length;
	}
}

/* ftfy.fix_text on one line: its fixes again and again until nothing changes. */
static void fix_line(struct buffer *out, const char *text, size_t n, bool unescape)
{
	struct buffer line = { 0 }, a = { 0 }, b = { 0 };
	bool changed = true, failed = false;
	buffer_append(&line, text, n);
	while (changed && !failed) {
		restart(&a, &failed);
		if (unescape)
			html_unescape_strict(&a, line.bytes, line.size);
		else
			buffer_append(&a, line.bytes, line.size);
		restart(&b, &failed);
		fix_characters(&b, a.bytes, a.size);
		restart(&a, &failed);
		remove_controls(&a, b.bytes, b.size);
		restart(&b, &failed);
		unicode_compose(&b, a.bytes, a.size, TEXT_CLEANING_OPENCLIP);
		changed = b.size != line.size || (b.size > 0 && memcmp(b.bytes, line.bytes, b.size) != 0);
		restart(&line, &failed);
		buffer_append(&line, b.bytes, b.size);
	}
	buffer_append(out, line.bytes, line.size);
	out->failed |= failed || line.failed || a.failed || b.failed;
	buffer_free(&line);
	buffer_free(&a);
	buffer_free(&b);
}

static void fix_text(struct buffer *out, const char *text, size_t n)
{
	bool unescape = true; /* until a line holds "<": then it seems to be HTML that was meant */
	for (size_t i = 0; i < n;) {
		const char *end = memchr(text + i, '\n', n - i);
		size_t length = end != NULL ? (size_t)(end - text) + 1 - i : n - i;
		if (memchr(text + i, '<', length) != NULL)
			unescape = false;
		fix_line(out, text + i, length, unescape);
		i += length;
	}
}

/* ---- open_clip ------------------------------------------------------------------------------ */

/* Printable ASCII without an ampersand: nothing but lower case applies to it. */
static bool is_plain(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~' || text[i] == '&')
			return false;
	return true;
}

/* basic_clean, with white space at the ends left. */
static void basic_clean(struct buffer *out, const char *text, size_t n)
{
	struct buffer a = { 0 }, b = { 0 };
	if (is_plain(text, n)) {
		buffer_append(out, text, n);
		return;
	}
	fix_text(&a, text, n);
	html_unescape(&b, a.bytes, a.size);
	html_unescape(out, b.bytes, b.size);
	out->failed |= a.failed || b.failed;
	buffer_free(&a);
	buffer_free(&b);
}

void clean_openclip(struct buffer *out, const char *text, size_t n)
{
	struct buffer clean = { 0 };
	if (is_plain(text, n)) {
		unicode_lower_chars(out, text, n);
		return;
	}
	basic_clean(&clean, text, n);
	unicode_lower_text(out, clean.bytes, clean.size);
	out->failed |= clean.failed;
	buffer_free(&clean);
}

/* Runs of what Python takes for white space become one space; none is left at the ends. */
static void join_spaces(struct buffer *out, const char *text, size_t n)
{
	bool space = false;
	size_t start = out->size;
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, text + i, n - i);
		if (unicode_is_python_space(c)) {
			space = true;
		} else {
			if (space && out->size > start)
				buffer_byte(out, ' ');
			space = false;
			buffer_append(out, text + i, length);
		}
		i += length;
	}
}

/* Drops Python's string.punctuation: all of ASCII's. */
static void drop_punctuation(struct buffer *out, const char *text, size_t n,
                             bool space_for_underscore)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '_' && space_for_underscore)
			buffer_byte(out, ' ');
		else if (c <= ' ' || c >= 0x7f || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		         (c >= 'a' && c <= 'z'))
			buffer_byte(out, text[i]);
	}
}

void clean_siglip(struct buffer *out, const char *text, size_t n)
{
	struct buffer lower = { 0 }, words = { 0 };
	unicode_lower_text(&lower, text, n);
	drop_punctuation(&words, lower.bytes, lower.size, false);
	join_spaces(out, words.bytes, words.size);
	out->failed |= lower.failed || words.failed;
	buffer_free(&lower);
	buffer_free(&words);
}

void clean_openclip_whitespace(struct buffer *out, const char *text, size_t n)
{
	struct buffer clean = { 0 };
	basic_clean(&clean, text, n);
	join_spaces(out, clean.bytes, clean.size);
	out->failed |= clean.failed;
	buffer_free(&clean);
}

void clean_openclip_lower(struct buffer *out, const char *text, size_t n)
{
	struct buffer clean = { 0 };
	clean_openclip_whitespace(&clean, text, n);
	unicode_lower_text(out, clean.bytes, clean.size);
	out->failed |= clean.failed;
	buffer_free(&clean);
}

void clean_openclip_canonicalize(struct buffer *out, const char *text, size_t n)
{
	struct buffer clean = { 0 }, words = { 0 }, lower = { 0 };
	basic_clean(&clean, text, n);
	drop_punctuation(&words, clean.bytes, clean.size, true);
	unicode_lower_text(&lower, words.bytes, words.size);
	join_spaces(out, lower.bytes, lower.size);
	out->failed |= clean.failed || words.failed || lower.failed;
	buffer_free(&clean);
	buffer_free(&words);
	buffer_free(&lower);
}
