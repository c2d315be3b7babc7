/* Completion for bash. */
#include "cli/command_table.h"
#include "cli/manual/manual.h"
#include "cli/manual/offer.h"
#include "cli/manual/template.h"

#include <stdio.h>

static void fill_commands(struct buffer *out)
{
	const char *between = "\tlocal commands='";
	for (size_t i = 0; i < command_count; i++)
		if (command_is_first(i)) {
			buffer_format(out, "%s%.*s", between, (int)command_first_word(&command_table[i]),
			              command_table[i].name);
			between = " ";
		}
	buffer_text(out, "'\n");
}

static void fill_seconds(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		const char *second = command_second_word(command);
		if (*second != '\0')
			buffer_format(out, "\t[[ $1 == %.*s ]] && words+=' %s'\n",
			              (int)command_first_word(command), command->name, second);
	}
}

/* The names of a command's options, or of those that take a value. */
static void append_names(struct buffer *out, const struct command *command, bool valued)
{
	const char *between = "";
	for (size_t i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];
		if ((row->commands & command->options) == 0 || (valued && row->argument == NULL))
			continue;
		if (row->letter != 0)
			buffer_format(out, "%s-%c --%s", between, row->letter, row->name);
		else
			buffer_format(out, "%s--%s", between, row->name);
		between = " ";
	}
}

static void fill_options(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		buffer_format(out, "\t'%s')\n\t\toptions='", command_table[i].name);
		append_names(out, &command_table[i], false);
		buffer_text(out, "'\n\t\tvalued='");
		append_names(out, &command_table[i], true);
		buffer_text(out, "'\n\t\t;;\n");
	}
}

/* words='auto always' kinds='files' ;; behind a pattern; nothing where there is nothing to offer.
 */
static void append_offer(struct buffer *out, const char *pattern, struct offer *offer)
{
	if (offer->kinds != 0 || offer->words.size > 0) {
		buffer_format(out, "\t\t%s) words='%s' kinds='", pattern,
		              offer->words.size > 0 ? offer->words.bytes : "");
		offer_append_kinds(out, offer);
		buffer_text(out, "' ;;\n");
	}
	out->failed |= offer->words.failed;
	buffer_free(&offer->words);
}

static void append_option_offer(struct buffer *out, const struct option_row *row)
{
	char pattern[64];
	struct offer offer = { 0 };
	if (row->letter != 0)
		snprintf(pattern, sizeof pattern, "-%c | --%s", row->letter, row->name);
	else
		snprintf(pattern, sizeof pattern, "--%s", row->name);
	offer_of_option(&offer, row);
	append_offer(out, pattern, &offer);
}

static void fill_offers(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		struct offer operands = { 0 };
		buffer_format(out, "\t'%s')\n\t\tcase $2 in\n", command->name);
		for (size_t row = 0; row < option_count; row++)
			if ((option_table[row].commands & command->options) != 0 &&
			    option_table[row].argument != NULL)
				append_option_offer(out, &option_table[row]);
		offer_of_operands(&operands, command);
		append_offer(out, "''", &operands);
		buffer_text(out, "\t\tesac\n\t\t;;\n");
	}
}

void completion_bash(struct buffer *out)
{
	static const struct place places[] = {
		{ "commands", fill_commands },
		{ "seconds", fill_seconds },
		{ "options", fill_options },
		{ "offers", fill_offers },
	};
	template_fill(out, clipcls_bash, places, sizeof places / sizeof *places);
}
