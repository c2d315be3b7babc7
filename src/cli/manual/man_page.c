/* clipcls(1) in mdoc(7). */
#include "cli/command_table.h"
#include "cli/manual/manual.h"
#include "cli/manual/template.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* roff's name of a character that it would take for something else, or print as a typographic one:
 * options are copied from manuals. */
static const char *roff(char c)
{
	switch (c) {
	case '\\': return "\\e";
	case '-': return "\\-";
	case '\'': return "\\(aq";
	case '"': return "\\(dq";
	case '`': return "\\(ga";
	case '^': return "\\(ha";
	case '~': return "\\(ti";
	case '\n': return "\n";
	}
	return NULL;
}

static void fill_os(struct buffer *out)
{
	buffer_text(out, ".Os clipcls " CLIPCLS_VERSION "\n");
}

/* One word of a command's operands: "-o", "[PICTURE]", "IMAGE|DIRECTORY|-". */
static void append_operand(struct buffer *out, const char *word)
{
	size_t n = strlen(word);
	if (word[0] == '-' && n > 1) {
		buffer_text(out, ".Fl ");
		append_quoted(out, word + 1, roff);
	} else if (word[0] == '[') {
		buffer_format(out, ".Op Ar %.*s", (int)n - 2, word + 1);
	} else {
		buffer_text(out, ".Ar ");
		append_quoted(out, word, roff);
	}
	buffer_byte(out, '\n');
}

static void append_usage(struct buffer *out, const struct command *command)
{
	char word[32];
	int n;
	buffer_format(out, ".Nm\n%s%s\n.Op Ar options\n",
	              command == &command_table[0] ? ".Op Cm " : ".Cm ", command->name);
	for (const char *at = command->operands; sscanf(at, "%31s%n", word, &n) == 1; at += n)
		append_operand(out, word);
}

static void fill_synopsis(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++)
		append_usage(out, &command_table[i]);
}

static void append_option(struct buffer *out, const struct option_row *row)
{
	buffer_text(out, ".It ");
	if (row->letter != 0)
		buffer_format(out, "Fl %c , ", row->letter);
	buffer_text(out, "Fl \\-");
	append_quoted(out, row->name, roff);
	if (row->argument != NULL)
		buffer_format(out, " Ar %s", row->argument);
	buffer_byte(out, '\n');
	append_quoted(out, row->help, roff);
	buffer_byte(out, '\n');
}

static void fill_commands(struct buffer *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];
		buffer_format(out, ".Ss clipcls %s\n", command->name);
		append_usage(out, command);
		buffer_format(out, ".Pp\n%c", toupper(command->summary[0]));
		append_quoted(out, command->summary + 1, roff);
		buffer_text(out, ".\n.Bl -tag -width Ds\n");
		for (size_t row = 0; row < option_count; row++)
			if ((option_table[row].commands & command->options) != 0)
				append_option(out, &option_table[row]);
		buffer_text(out, ".El\n");
	}
}

/* "a , b , c ." behind a macro: its words, each with a comma of ordinary type. */
static void append_list(struct buffer *out, const char *macro, const char *(*item)(size_t))
{
	for (size_t i = 0; item(i) != NULL; i++)
		buffer_format(out, "%s %s%s", i == 0 ? macro : " ,", item(i),
		              item(i + 1) == NULL ? " .\n" : "");
}

static void fill_label_sets(struct buffer *out)
{
	append_list(out, ".Cm", clipcls_labels_set_name);
}

static void fill_template_sets(struct buffer *out)
{
	append_list(out, ".Cm", clipcls_templates_set_name);
}

static void fill_extensions(struct buffer *out)
{
	append_list(out, ".Pa", clipcls_image_extension);
}

void man_page(struct buffer *out)
{
	static const struct place places[] = {
		{ "os", fill_os },
		{ "synopsis", fill_synopsis },
		{ "commands", fill_commands },
		{ "label-sets", fill_label_sets },
		{ "template-sets", fill_template_sets },
		{ "extensions", fill_extensions },
	};
	template_fill(out, clipcls_mdoc, places, sizeof places / sizeof *places);
}
