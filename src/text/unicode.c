/* Unicode through utf8proc, and what the references know beyond its version. */
#include "text/unicode.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { KNOWN_TO_HUGGINGFACE = 1, KNOWN_TO_OPENCLIP = 2 };

struct newer_class {
	uint32_t first, last;
	enum text_class class;
	unsigned known_to;
};

struct newer_lower {
	uint32_t first, last;
	int32_t distance;
};

struct range {
	uint32_t first, last;
};

#include "text/unicode_bert.inc"
#include "text/unicode_newer.inc"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

bool unicode_is_space(uint32_t c)
{
	static const struct range spaces[] = { { 0x9, 0xd },       { 0x20, 0x20 },
		                                   { 0x85, 0x85 },     { 0xa0, 0xa0 },
		                                   { 0x1680, 0x1680 }, { 0x2000, 0x200a },
		                                   { 0x2028, 0x2029 }, { 0x202f, 0x202f },
		                                   { 0x205f, 0x205f }, { 0x3000, 0x3000 } };
	return in_ranges(c, spaces, LENGTH(spaces));
}

bool unicode_is_python_space(uint32_t c)
{
	return unicode_is_space(c) || (c >= 0x1c && c <= 0x1f);
}

const char *unicode_version(void)
{
	return utf8proc_version();
}

bool unicode_is_decimal(uint32_t c)
{
	return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ND;
}

static enum text_class newer_class_of(uint32_t c, enum text_cleaning reference)
{
	unsigned who =
	    reference == TEXT_CLEANING_HUGGINGFACE ? KNOWN_TO_HUGGINGFACE : KNOWN_TO_OPENCLIP;
	for (size_t i = 0; i < LENGTH(newer_classes); i++) {
		const struct newer_class *range = &newer_classes[i];
		if (c >= range->first && c <= range->last)
			return (range->known_to & who) != 0 ? range->class : TEXT_OTHER;
	}
	return TEXT_OTHER;
}

enum text_class unicode_class(uint32_t c, enum text_cleaning reference)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return TEXT_LETTER;
	if (unicode_is_space(c))
		return TEXT_SPACE;
	/* The iota below a Greek letter is no letter, but its upper case is one: to an expression that
	 * ignores case it is neither \p{L} nor [^\p{L}], and so it belongs to no word. */
	if (c == 0x345 && reference == TEXT_CLEANING_OPENCLIP)
		return TEXT_SPACE;
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO: return TEXT_LETTER;
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO: return TEXT_NUMBER;
	case UTF8PROC_CATEGORY_CN: return newer_class_of(c, reference);
	default: return TEXT_OTHER;
	}
}

/* ---- BERT ----------------------------------------------------------------------------------- */

bool unicode_bert_is_control(uint32_t c)
{
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_CC: return c != '\t' && c != '\n' && c != '\r';
	case UTF8PROC_CATEGORY_CF: return !in_ranges(c, other_formats, LENGTH(other_formats));
	case UTF8PROC_CATEGORY_CO: return true;
	default: return c == 0xfffd;
	}
}

bool unicode_bert_is_accent(uint32_t c)
{
	bool mark = utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_MN;
	return mark != in_ranges(c, other_marks, LENGTH(other_marks));
}

bool unicode_bert_is_punctuation(uint32_t c)
{
	bool punctuation = false;
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_PC:
	case UTF8PROC_CATEGORY_PD:
	case UTF8PROC_CATEGORY_PS:
	case UTF8PROC_CATEGORY_PE:
	case UTF8PROC_CATEGORY_PI:
	case UTF8PROC_CATEGORY_PF:
	case UTF8PROC_CATEGORY_PO: punctuation = true; break;
	case UTF8PROC_CATEGORY_SM:
	case UTF8PROC_CATEGORY_SC:
	case UTF8PROC_CATEGORY_SK:
	case UTF8PROC_CATEGORY_SO: punctuation = c < 0x80; break;
	default: break;
	}
	return punctuation != in_ranges(c, other_punctuation, LENGTH(other_punctuation));
}

/* ---- graphemes ------------------------------------------------------------------------------ */

size_t unicode_grapheme(const char *text, size_t n)
{
	uint32_t before, after;
	utf8proc_int32_t state = 0;
	size_t length = utf8_decode(&before, text, n);
	while (length < n) {
		size_t next = utf8_decode(&after, text + length, n - length);
		if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)after,
		                                     &state))
			break;
		before = after;
		length += next;
	}
	return length;
}

/* ---- normalization -------------------------------------------------------------------------- */

static void append_mapped(struct buffer *out, const char *text, size_t n, utf8proc_option_t options)
{
	utf8proc_uint8_t *mapped = NULL;
	utf8proc_ssize_t size = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n,
	                                     &mapped, UTF8PROC_STABLE | options);
	if (size < 0)
		out->failed = true;
	else
		buffer_append(out, mapped, (size_t)size);
	free(mapped);
}

void unicode_compose(struct buffer *out, const char *text, size_t n, enum text_cleaning reference)
{
	/* Every character below U+0300, whose first byte is 0xcc, is composed already. */
	size_t i = 0, start = 0;
	while (i < n && (unsigned char)text[i] < 0xcc)
		i++;
	if (i == n) {
		buffer_append(out, text, n);
		return;
	}
	/* Marks that the reference takes for letters stand still, and nothing passes them. */
	while (i < n && reference == TEXT_CLEANING_HUGGINGFACE) {
		uint32_t c;
		size_t length = utf8_decode(&c, text + i, n - i);
		if (in_ranges(c, uncomposed, LENGTH(uncomposed))) {
			append_mapped(out, text + start, i - start, UTF8PROC_COMPOSE);
			buffer_append(out, text + i, length);
			start = i + length;
		}
		i += length;
	}
	append_mapped(out, text + start, n - start, UTF8PROC_COMPOSE);
}

void unicode_decompose(struct buffer *out, const char *text, size_t n)
{
	append_mapped(out, text, n, UTF8PROC_DECOMPOSE);
}

void unicode_usual_width(struct buffer *out, uint32_t c)
{
	struct buffer one = { 0 };
	if (c == 0x3000) {
		buffer_byte(out, ' ');
	} else if (c > 0xff00 && c < 0xfff0) {
		buffer_code_point(&one, c);
		if (one.failed)
			out->failed = true;
		else
			append_mapped(out, one.bytes, one.size, UTF8PROC_COMPAT | UTF8PROC_COMPOSE);
		buffer_free(&one);
	} else {
		buffer_code_point(out, c);
	}
}

/* ---- lower case ----------------------------------------------------------------------------- */

static void append_lower(struct buffer *out, uint32_t c, enum text_cleaning reference)
{
	if (c == 0x130) { /* the one character whose lower case is two: i and a dot above */
		buffer_text(out, "i\xcc\x87");
		return;
	}
	uint32_t lower = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
	if (lower == c && reference == TEXT_CLEANING_HUGGINGFACE)
		for (size_t i = 0; i < LENGTH(newer_lowers); i++)
			if (c >= newer_lowers[i].first && c <= newer_lowers[i].last)
				lower = (uint32_t)((int32_t)c + newer_lowers[i].distance);
	buffer_code_point(out, lower);
}

static void append_lower_ascii(struct buffer *out, char byte)
{
	buffer_byte(out, byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte);
}

void unicode_lower_chars(struct buffer *out, const char *text, size_t n)
{
	uint32_t c;
	for (size_t i = 0; i < n;) {
		if ((unsigned char)text[i] < 0x80) {
			append_lower_ascii(out, text[i++]);
			continue;
		}
		i += utf8_decode(&c, text + i, n - i);
		append_lower(out, c, TEXT_CLEANING_HUGGINGFACE);
	}
}

/* Unicode's Case_Ignorable: some categories, and Word_Break = MidLetter, MidNumLet and
 * Single_Quote. */
static bool is_case_ignorable(uint32_t c)
{
	static const struct range more[] = { { 0x27, 0x27 },     { 0x2e, 0x2e },     { 0x3a, 0x3a },
		                                 { 0xb7, 0xb7 },     { 0x387, 0x387 },   { 0x55f, 0x55f },
		                                 { 0x5f4, 0x5f4 },   { 0x2018, 0x2019 }, { 0x2024, 0x2024 },
		                                 { 0x2027, 0x2027 }, { 0xfe13, 0xfe13 }, { 0xfe52, 0xfe52 },
		                                 { 0xfe55, 0xfe55 }, { 0xff07, 0xff07 }, { 0xff0e, 0xff0e },
		                                 { 0xff1a, 0xff1a } };
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_ME:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_SK: return true;
	default: return in_ranges(c, more, LENGTH(more));
	}
}

/* Unicode's Cased: cased letters, Other_Lowercase and Other_Uppercase (those not
 * case-ignorable). */
static bool is_cased(uint32_t c)
{
	static const struct range more[] = { { 0xaa, 0xaa },       { 0xba, 0xba },
		                                 { 0x2160, 0x217f },   { 0x24b6, 0x24e9 },
		                                 { 0x1f130, 0x1f149 }, { 0x1f150, 0x1f169 },
		                                 { 0x1f170, 0x1f189 } };
	switch (utf8proc_category((utf8proc_int32_t)c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT: return true;
	default: return in_ranges(c, more, LENGTH(more));
	}
}

/* Whether the first character of text[i..n) that is not case-ignorable is cased. */
static bool cased_follows(const char *text, size_t i, size_t n)
{
	uint32_t c;
	while (i < n) {
		i += utf8_decode(&c, text + i, n - i);
		if (!is_case_ignorable(c))
			return is_cased(c);
	}
	return false;
}

void unicode_lower_text(struct buffer *out, const char *text, size_t n)
{
	const uint32_t capital_sigma = 0x3a3, small_sigma = 0x3c3, final_sigma = 0x3c2;
	bool after_cased = false; /* of the last character that is not case-ignorable */
	uint32_t c;
	for (size_t i = 0; i < n;) {
		i += utf8_decode(&c, text + i, n - i);
		if (c == capital_sigma)
			buffer_code_point(out, after_cased && !cased_follows(text, i, n) ? final_sigma
			                                                                 : small_sigma);
		else
			append_lower(out, c, TEXT_CLEANING_OPENCLIP);
		if (!is_case_ignorable(c))
			after_cased = is_cased(c);
	}
}

/* ---- windows-1252 --------------------------------------------------------------------------- */

uint32_t unicode_windows_1252(uint32_t c)
{
	static const uint16_t table[32] = { 0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020,
		                                0x2021, 0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,
		                                0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d,
		                                0x2022, 0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a,
		                                0x153,  0x9d,   0x17e,  0x178 };
	return c >= 0x80 && c <= 0x9f ? table[c - 0x80] : c;
}
