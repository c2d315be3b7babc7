/* Completion for zsh: specifications for its _arguments. */
#include "cli/command_table.h"
#include "cli/manual/manual.h"
#include "cli/manual/offer.h"
#include "cli/manual/template.h"
#include "cli/option_values.h"

#include <string.h>

/* Within '...' and a specification's [...] or before its ":". */
static const char *quoted(char c)
{
	switch (c) {
	case '\'': return "'\\''";
	case '[': return "\\[";
	case ']': return "\\]";
	case ':': return "\\:";
	case '\\': return "\\\\";
	}
	return NULL;
}

/* 'NAME:SUMMARY', for _describe. */
static void append_described(struct buffer *out, const char *name, size_t n, const char *summary)
{
	buffer_format(out, "'%.*s:", (int)n, name);
	append_quoted(out, summary, quoted);
	buffer_byte(out, '\'');
}

static void fill_commands(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		size_t n = command_first_word(command);
		if (!command_is_first(i))
			continue;
		buffer_text(out, "\t\t");
		append_described(out, command->name, n, command_first_summary(command));
		buffer_byte(out, '\n');
	}
}

static void fill_seconds(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		const char *second = command_second_word(command);
		if (*second == '\0')
			continue;
		buffer_format(out, "\t[[ $words[2] == %.*s ]] && seconds+=(",
		              (int)command_first_word(command), command->name);
		append_described(out, second, strlen(second), command->summary);
		buffer_text(out, ")\n");
	}
}

/* " _clipcls_offer 'KINDS' WORD...": the space has _arguments call it as it stands. */
static void append_action(struct buffer *out, struct offer *offer)
{
	buffer_text(out, ": _clipcls_offer \"");
	offer_append_kinds(out, offer);
	buffer_format(out, "\" %s'", offer->words.size > 0 ? offer->words.bytes : "");
	out->failed |= offer->words.failed;
	buffer_free(&offer->words);
}

/* '(-f --format)'{-f+,--format=}'[help]:F: action': a name excludes the other one, and itself but
 * for options that may be repeated. */
static void append_option(struct buffer *out, const struct option_row *row)
{
	bool again = row->take == take_text_item || row->take == take_template;
	const char *next = row->argument != NULL ? "+" : "", *is = row->argument != NULL ? "=" : "";
	buffer_text(out, "\t\t");
	if (again)
		buffer_text(out, "'*'");
	else if (row->letter != 0)
		buffer_format(out, "'(-%c --%s)'", row->letter, row->name);
	if (row->letter != 0)
		buffer_format(out, "{-%c%s,--%s%s}'[", row->letter, next, row->name, is);
	else
		buffer_format(out, "'--%s%s[", row->name, is);
	append_quoted(out, row->help, quoted);
	buffer_byte(out, ']');
	if (row->argument != NULL) {
		struct offer offer = { 0 };
		offer_of_option(&offer, row);
		buffer_format(out, ":%s", row->argument);
		append_action(out, &offer);
	} else {
		buffer_byte(out, '\'');
	}
	buffer_byte(out, '\n');
}

static void fill_arguments(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		struct offer operands = { 0 };
		buffer_format(out, "\t('%s') arguments=(\n", command->name);
		for (size_t row = 0; row < option_count; row++)
			if ((option_table[row].commands & command->options) != 0)
				append_option(out, &option_table[row]);
		offer_of_operands(&operands, command);
		buffer_text(out, "\t\t'*:operand");
		append_action(out, &operands);
		buffer_text(out, "\n\t\t) ;;\n");
	}
}

void completion_zsh(struct buffer *out)
{
	static const struct place places[] = {
		{ "commands", fill_commands },
		{ "seconds", fill_seconds },
		{ "arguments", fill_arguments },
	};
	template_fill(out, clipcls_zsh, places, sizeof places / sizeof *places);
}
