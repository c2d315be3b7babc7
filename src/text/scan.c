#include "text/scan.h"

#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

const char *special_start_token(enum text_cleaning reference)
{
	return reference == TEXT_CLEANING_HUGGINGFACE ? "<|startoftext|>" : "<start_of_text>";
}

const char *special_end_token(enum text_cleaning reference)
{
	return reference == TEXT_CLEANING_HUGGINGFACE ? "<|endoftext|>" : "<end_of_text>";
}

/* Bytes of `pattern` (ASCII, lower case) at the scanner's place; 0 = something else stands there.
 * open_clip matches without regard to case, and its text is lower case already: what is left of
 * that is the long s, which folds to s. */
static size_t match(const struct scanner *scanner, const char *pattern)
{
	const char *text = scanner->text + scanner->at;
	size_t n = scanner->size - scanner->at, i = 0;
	bool fold = scanner->reference == TEXT_CLEANING_OPENCLIP;
	for (; *pattern != '\0'; pattern++) {
		if (i < n && text[i] == *pattern)
			i++;
		else if (fold && *pattern == 's' && n - i >= 2 && memcmp(text + i, "\xc5\xbf", 2) == 0)
			i += 2;
		else
			return 0;
	}
	return i;
}

static size_t match_contraction(const struct scanner *scanner)
{
	static const char *const contractions[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d" };
	if (scanner->text[scanner->at] != '\'')
		return 0;
	for (size_t i = 0; i < sizeof contractions / sizeof *contractions; i++) {
		size_t length = match(scanner, contractions[i]);
		if (length > 0)
			return length;
	}
	return 0;
}

/* A special token's text at the scanner's place. In open_clip's expression it is the token, unless
 * a long s makes it an ordinary word. In cleaned Hugging Face text it can only be one that was
 * written in capitals: transformers cuts it out as one word and then into three by their kind. */
static bool take_special(struct scanner *scanner, struct piece *piece)
{
	const char *const names[] = { special_start_token(scanner->reference),
		                          special_end_token(scanner->reference) };
	if (scanner->text[scanner->at] != '<')
		return false;
	for (size_t i = 0; i < 2; i++) {
		size_t length = match(scanner, names[i]);
		if (length == 0)
			continue;
		if (scanner->reference == TEXT_CLEANING_HUGGINGFACE) {
			scanner->fence = scanner->at + length;
			return false;
		}
		bool exact = length == strlen(names[i]);
		enum piece_kind kind = i == 0 ? PIECE_START_TOKEN : PIECE_END_TOKEN;
		*piece = (struct piece){ .kind = exact ? kind : PIECE_WORD,
			                     .text = scanner->text + scanner->at,
			                     .size = length };
		scanner->at += length;
		return true;
	}
	return false;
}

/* Bytes of the longest run of one class at the scanner's place. */
static size_t run_length(const struct scanner *scanner, enum text_class class)
{
	size_t end = scanner->at < scanner->fence ? scanner->fence : scanner->size;
	size_t i = scanner->at;
	uint32_t c;
	while (i < end) {
		size_t length = utf8_decode(&c, scanner->text + i, scanner->size - i);
		if (unicode_class(c, scanner->reference) != class)
			break;
		i += length;
		if (class == TEXT_NUMBER)
			break; /* every digit is a word of its own */
	}
	return i - scanner->at;
}

bool scanner_next(struct scanner *scanner, struct piece *piece)
{
	uint32_t c;
	while (scanner->at < scanner->size) {
		size_t left = scanner->size - scanner->at;
		if (scanner->at >= scanner->fence && take_special(scanner, piece))
			return true;
		size_t length = match_contraction(scanner);
		if (length == 0) {
			utf8_decode(&c, scanner->text + scanner->at, left);
			enum text_class class = unicode_class(c, scanner->reference);
			length = run_length(scanner, class);
			if (class == TEXT_SPACE) {
				scanner->at += length;
				continue;
			}
		}
		*piece = (struct piece){ .kind = PIECE_WORD,
			                     .text = scanner->text + scanner->at,
			                     .size = length };
		scanner->at += length;
		return true;
	}
	return false;
}
