/* Cleaning, character by character, as ftfy, html and open_clip have it: the expectations are what
 * these give (pinned in tests/requirements.txt). */
#include "unit.h"

#include "text/clean.h"
#include "text/html.h"
#include "text/unicode.h"

#include <stdlib.h>

typedef void (*clean_fn)(struct buffer *out, const char *text, size_t n);

struct pair {
	const char *text, *expected;
};

static void expect_pairs(clean_fn clean, const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buffer out = { 0 };
		buffer_text(&out, "");
		clean(&out, pairs[i].text, strlen(pairs[i].text));
		assert_false(out.failed);
		if (strcmp(out.bytes, pairs[i].expected) != 0)
			fail_msg("pair %zu: \"%s\" gives \"%s\"", i, pairs[i].text, out.bytes);
		buffer_free(&out);
	}
}

static void every_fix_of_ftfy_is_open_clips(void **state)
{
	static const struct pair pairs[] = {
		{ "\xc4\xb2\xc4\xb3\xc5\x89", "ijij'n" },
		{ "\xc7\xb1\xc7\xb2\xc7\xb3\xc7\x84\xc7\x85\xc7\x86", "dzdzdzd\xc5\xbe"
		                                                      "d\xc5\xbe"
		                                                      "d\xc5\xbe" },
		{ "\xc7\x87\xc7\x88\xc7\x89\xc7\x8a\xc7\x8b\xc7\x8c", "ljljljnjnjnj" },
		{ "\xef\xac\x80\xef\xac\x81\xef\xac\x82\xef\xac\x83\xef\xac\x84\xef\xac\x85\xef\xac\x86",
		  "fffiflffiffl\xc5\xbftst" },
		{ "a\xca\xbc"
		  "b\xe2\x80\x98"
		  "c\xe2\x80\x99"
		  "d\xe2\x80\x9a"
		  "e\xe2\x80\x9b"
		  "f",
		  "a'b'c'd'e'f" },
		{ "\xe2\x80\x97\xe2\x80\x9c"
		  "a\xe2\x80\x9d\xe2\x80\x9e"
		  "b\xe2\x80\x9f\xe2\x80\xa0",
		  "\xe2\x80\x97\"a\"\"b\"\xe2\x80\xa0" },
		{ "a\x0d\x0a"
		  "b\x0d"
		  "c\x0d"
		  "d",
		  "a\x0a"
		  "b\x0a"
		  "c\x0a"
		  "d" },
		{ "a\xe2\x80\xa8"
		  "b\xe2\x80\xa9"
		  "c\xe2\x80\xaa",
		  "a\x0a"
		  "b\x0a"
		  "c\xe2\x80\xaa" },
		{ "\x1b[31mred\x1b[0m\x1b[", "red[" },
		{ "\x1b[1;2", "[1;2" },
		{ "\x1b[1;2Xa\x1b[za", "aa" },
		{ "\x1b[?25ha\x1bxb", "[?25haxb" },
		{ "\x1b[\xd9\xa1ma\x1b[1~b", "a[1~b" },
		{ "a\x01"
		  "b\x08"
		  "c\x0b"
		  "d\x0e"
		  "e\x1f"
		  "f\x7fg",
		  "abcdefg" },
		{ "\xe2\x81\xaa"
		  "a\xe2\x81\xaf"
		  "b\xe2\x81\xa9"
		  "c\xe2\x81\xb0",
		  "ab\xe2\x81\xa9"
		  "c\xe2\x81\xb0" },
		{ "\xef\xbf\xb8"
		  "a\xef\xbf\xb9"
		  "b\xef\xbf\xbc"
		  "c\xef\xbf\xbd"
		  "d",
		  "\xef\xbf\xb8"
		  "abc\xef\xbf\xbd"
		  "d" },
		{ "\xef\xbc\x81\xef\xbc\x90\xef\xbd\xb6\xef\xbe\x9e \xe3\x80\x80x\xef\xbf\xaey\xef\xbf\xb0",
		  "!0\xe3\x82\xac  x\xe2\x97\x8by\xef\xbf\xb0" },
		{ "~a\x09"
		  "b}",
		  "~a\x09"
		  "b}" },
		{ "a&b", "a&b" },
		{ "\xce\x91\xce\xa3", "\xce\xb1\xcf\x82" },
		{ "\xce\x91\xce\xa3\xe2\x80\x99", "\xce\xb1\xcf\x82'" },
		{ "\xce\x91\xce\xa3.\xce\x91", "\xce\xb1\xcf\x83.\xce\xb1" },
		{ "\xce\x91\xcc\x81\xce\xa3", "\xce\xac\xcf\x82" },
		{ "\xce\x91 \xce\xa3", "\xce\xb1 \xcf\x83" },
		{ "\xe2\x92\xb6\xce\xa3", "\xe2\x93\x90\xcf\x82" },
		{ "\xca\xb0\xce\xa3 \xc2\xaa\xce\xa3", "\xca\xb0\xcf\x83 \xc2\xaa\xcf\x82" },
		{ "\xc4\xb0I", "i\xcc\x87i" },
		{ "caf\xc3\xa9 e\xcc\x81 \xcd\x85", "caf\xc3\xa9 \xc3\xa9 \xcd\x85" },
		{ "x\xc2\x80y\xc2\x9fz", "x\xe2\x82\xacy\xc3\xbfz" },
		{ "<p>&lt;b&gt;\x0a&lt;i&gt;", "<p><b>\x0a<i>" },
		{ "&amp;lt;", "<" },
	};
	(void)state;
	expect_pairs(clean_openclip, pairs, sizeof pairs / sizeof *pairs);
}

static void every_form_of_a_reference_is_decoded_as_html_unescape_does(void **state)
{
	static const struct pair pairs[] = {
		{ "&#x41;&#X6a;&#x1F;&#xZ;&#xg&#x", "Aj&#xZ;&#xg&#x" },
		{ "&#1114112;&#xFFFFFFFFFF;&#99999999999;", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "&#xfdd0;&#xfdef;&#xfdcf;&#xffff;&#xfffe;&#xfffd;", "\xef\xb7\x8f\xef\xbf\xbd" },
		{ "&#1;&#8;&#9;&#11;&#14;&#31;&#32;&#127;&#128;&#159;&#160;",
		  "\x09 \xe2\x82\xac\xc5\xb8\xc2\xa0" },
		{ "&amp&lt&gt;", "&<>" },
		{ "&notit;&noti", "\xc2\xacit;\xc2\xaci" },
		{ "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
		  "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;" },
		{ "&a\xc3\xa9"
		  "b;&am\x09p;&am\x0ap;&am\x0cp;&am<;&am&amp;&am#;",
		  "&a\xc3\xa9"
		  "b;&am\x09p;&am\x0ap;&am\x0cp;&am<;&am&&am#;" },
		{ "&", "&" },
		{ "&;", "&;" },
		{ "& amp;", "& amp;" },
		{ "&CounterClockwiseContourIntegral;", "\xe2\x88\xb3" },
		{ "&#55296;&#57343;&#57344;", "\xef\xbf\xbd\xef\xbf\xbd\xee\x80\x80" },
		{ "&x", "&x" },
		{ "&#6a", "a" },
	};
	(void)state;
	expect_pairs(html_unescape, pairs, sizeof pairs / sizeof *pairs);
}

static void references_without_a_semicolon_are_text_to_ftfy(void **state)
{
	static const struct pair pairs[] = {
		{ "&EACUTE;&eacute;&Eacute;", "\xc3\x89\xc3\xa9\xc3\x89" },
		{ "&amp&AMP;", "&amp&" },
		{ "&#38;&#x26;&#59;&#X41;", "&&&#59;A" },
		{ "&nosuchname;", "&nosuchname;" },
		{ "&a.b;&a", "&a.b;&a" },
		{ "&#;&#x;&#12", "&#;&#x;&#12" },
		{ "&Z0;&a9A;&_;", "&Z0;&a9A;&_;" },
	};
	(void)state;
	expect_pairs(html_unescape_strict, pairs, sizeof pairs / sizeof *pairs);
}

/* The two references carry different versions of Unicode. */
static void characters_that_are_newer_than_the_tables_have_the_references_class(void **state)
{
	static const struct {
		uint32_t c;
		enum text_class huggingface, openclip;
	} cases[] = {
		{ 'Z', TEXT_LETTER, TEXT_LETTER },    { '[', TEXT_OTHER, TEXT_OTHER },
		{ '@', TEXT_OTHER, TEXT_OTHER },      { '{', TEXT_OTHER, TEXT_OTHER },
		{ 0x558, TEXT_OTHER, TEXT_LETTER },   { 0x1c89, TEXT_LETTER, TEXT_LETTER },
		{ 0x345, TEXT_OTHER, TEXT_SPACE },    { 0x378, TEXT_OTHER, TEXT_OTHER },
		{ 0x2160, TEXT_NUMBER, TEXT_NUMBER }, { 0xb2, TEXT_NUMBER, TEXT_NUMBER },
		{ 0x661, TEXT_NUMBER, TEXT_NUMBER },  { 0x1c5, TEXT_LETTER, TEXT_LETTER },
		{ 0x2b0, TEXT_LETTER, TEXT_LETTER },  { 0x3000, TEXT_SPACE, TEXT_SPACE },
		{ 0x10ffff, TEXT_OTHER, TEXT_OTHER },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (unicode_class(cases[i].c, TEXT_CLEANING_HUGGINGFACE) != cases[i].huggingface ||
		    unicode_class(cases[i].c, TEXT_CLEANING_OPENCLIP) != cases[i].openclip)
			fail_msg("U+%04X", (unsigned)cases[i].c);
	}
}

static void nothing_is_composed_across_a_mark_that_the_reference_does_not_know(void **state)
{
	static const char text[] = "e\xdf\xbd\xcc\x81"; /* U+07FD, newer than its tables */
	struct buffer out = { 0 };
	(void)state;
	unicode_compose(&out, text, sizeof text - 1, TEXT_CLEANING_HUGGINGFACE);
	assert_string_equal(out.bytes, text);
	buffer_clear(&out);
	unicode_compose(&out, text, sizeof text - 1, TEXT_CLEANING_OPENCLIP);
	assert_string_equal(out.bytes, "\xc3\xa9\xdf\xbd");
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fix_of_ftfy_is_open_clips),
		cmocka_unit_test(every_form_of_a_reference_is_decoded_as_html_unescape_does),
		cmocka_unit_test(references_without_a_semicolon_are_text_to_ftfy),
		cmocka_unit_test(characters_that_are_newer_than_the_tables_have_the_references_class),
		cmocka_unit_test(nothing_is_composed_across_a_mark_that_the_reference_does_not_know),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
