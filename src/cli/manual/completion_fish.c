/* Completion for fish: a line for every row of the tables. */
#include "cli/command_table.h"
#include "cli/manual/manual.h"
#include "cli/manual/offer.h"
#include "cli/manual/template.h"

/* Within '...'. */
static const char *quoted(char c)
{
	switch (c) {
	case '\'': return "\\'";
	case '\\': return "\\\\";
	}
	return NULL;
}

static void append_description(struct buffer *out, const char *text)
{
	buffer_text(out, " -d '");
	append_quoted(out, text, quoted);
	buffer_text(out, "'\n");
}

static void fill_commands(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		const char *second = command_second_word(command);
		int n = (int)command_first_word(command);
		if (command_is_first(i)) {
			buffer_format(out, "complete -c clipcls -n __clipcls_first -a %.*s", n, command->name);
			append_description(out, command_first_summary(command));
		}
		if (*second != '\0') {
			buffer_format(out, "complete -c clipcls -n '__clipcls_at %.*s' -f -a %s", n,
			              command->name, second);
			append_description(out, command->summary);
		}
	}
}

/* The names of commands by which __clipcls_at tells one: first words, and pairs of words. */
static void fill_names(struct buffer *out)
{
	buffer_text(out, "set -g __clipcls_commands");
	for (size_t i = 0; i < command_count; i++)
		if (command_is_first(i))
			buffer_format(out, " %.*s", (int)command_first_word(&command_table[i]),
			              command_table[i].name);
	buffer_text(out, "\nset -g __clipcls_pairs");
	for (size_t i = 0; i < command_count; i++)
		if (*command_second_word(&command_table[i]) != '\0')
			buffer_format(out, " '%s'", command_table[i].name);
	buffer_byte(out, '\n');
}

static void append_words(struct buffer *out, const struct offer *offer)
{
	buffer_text(out, " -a '");
	buffer_append(out, offer->words.bytes, offer->words.size);
	if ((offer->kinds & OFFER_DIRECTORIES) != 0)
		buffer_text(out, "(__fish_complete_directories)");
	if ((offer->kinds & OFFER_DOWNLOADED) != 0)
		buffer_text(out, "(__clipcls_models \"[*]\")");
	if ((offer->kinds & OFFER_CATALOGUE) != 0)
		buffer_text(out, "(__clipcls_models \"[* ]\")");
	buffer_byte(out, '\'');
}

/* -a '...': words and models, and how files are offered (with a value's -r, or for operands). */
static void append_offer(struct buffer *out, struct offer *offer)
{
	buffer_text(out, (offer->kinds & OFFER_FILES) != 0 ? " -F" : " -f");
	if ((offer->kinds & ~(unsigned)OFFER_FILES) != 0 || offer->words.size > 0)
		append_words(out, offer);
	out->failed |= offer->words.failed;
	buffer_free(&offer->words);
}

/* -n '__clipcls_at eval "probe train"': the commands that take these bits. */
static void append_condition(struct buffer *out, unsigned commands)
{
	buffer_text(out, "complete -c clipcls -n '__clipcls_at");
	for (size_t i = 0; i < command_count; i++)
		if ((command_table[i].options & commands) != 0)
			buffer_format(out, " \"%s\"", command_table[i].name);
	buffer_byte(out, '\'');
}

static void fill_options(struct buffer *out)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];
		append_condition(out, row->commands);
		if (row->letter != 0)
			buffer_format(out, " -s %c", row->letter);
		buffer_format(out, " -l %s", row->name);
		if (row->argument != NULL) {
			struct offer offer = { 0 };
			offer_of_option(&offer, row);
			buffer_text(out, " -r");
			append_offer(out, &offer);
		}
		append_description(out, row->help);
	}
}

static void fill_operands(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		struct offer operands = { 0 };
		buffer_format(out, "complete -c clipcls -n '__clipcls_at \"%s\"'", command_table[i].name);
		offer_of_operands(&operands, &command_table[i]);
		append_offer(out, &operands);
		buffer_byte(out, '\n');
	}
}

void completion_fish(struct buffer *out)
{
	static const struct place places[] = {
		{ "names", fill_names },
		{ "commands", fill_commands },
		{ "options", fill_options },
		{ "operands", fill_operands },
	};
	template_fill(out, clipcls_fish, places, sizeof places / sizeof *places);
}
