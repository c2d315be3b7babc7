#include "cli/options.h"

#include "cli/option_table.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What getopt_long calls a row without a letter. */
#define LONG_ONLY 256

bool strings_add(struct strings *strings, const char *item)
{
	if (strings->count == strings->capacity) {
		size_t capacity = strings->capacity > 0 ? 2 * strings->capacity : 8;
		const char **grown = realloc(strings->items, capacity * sizeof *grown);
		if (grown == NULL) {
			complain("out of memory");
			return false;
		}
		strings->items = grown;
		strings->capacity = capacity;
	}
	strings->items[strings->count++] = item;
	return true;
}

static int code_of(size_t row)
{
	return option_table[row].letter != 0 ? option_table[row].letter : LONG_ONLY + (int)row;
}

static const struct option_row *find_row(int code, unsigned command)
{
	for (size_t i = 0; i < option_count; i++)
		if (code_of(i) == code && (option_table[i].commands & command) != 0)
			return &option_table[i];
	return NULL;
}

/* Fills what getopt_long wants from the rows that `command` takes. */
static void make_getopt(char *letters, struct option *longs, const struct command *command)
{
	*letters++ = ':'; /* a missing argument is told from an unknown option */
	for (size_t i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];
		if ((row->commands & command->options) == 0)
			continue;
		*longs++ = (struct option){
			.name = row->name,
			.has_arg = row->argument != NULL ? required_argument : no_argument,
			.val = code_of(i),
		};
		if (row->letter != 0) {
			*letters++ = (char)row->letter;
			if (row->argument != NULL)
				*letters++ = ':';
		}
	}
	*letters = '\0';
	*longs = (struct option){ 0 };
}

bool options_parse(struct options *options, const struct command *command, int argc, char **argv)
{
	char letters[2 * OPTION_LIMIT + 2];
	struct option longs[OPTION_LIMIT + 1];
	*options = (struct options){
		.top_k = 5, .least_similarity = -2, .seconds = 5, .sandbox = "auto", .c = CLIPCLS_PROBE_C
	};
	make_getopt(letters, longs, command);
	opterr = 0;
	optind = 1;
	for (;;) {
		int place = optind < argc ? optind : argc - 1;
		int code = getopt_long(argc, argv, letters, longs, NULL);
		if (code == -1)
			break;
		if (code == ':' || code == '?') {
			const char *word = argv[optind - 1 < place ? place : optind - 1];
			complain("%s: %s; see 'clipcls %s --help'", word,
			         code == ':' ? "needs a value" : "unknown option", command->name);
			return false;
		}
		const struct option_row *row = find_row(code, command->options);
		if (row == NULL || !row->take((char *)options + row->offset, row, optarg))
			return false;
	}
	for (int i = optind; i < argc; i++)
		if (!strings_add(&options->operands, argv[i]))
			return false;
	return true;
}

void options_free(struct options *options)
{
	free(options->label_sources.items);
	free(options->labels.items);
	free(options->templates.items);
	free(options->matches.items);
	free(options->template_sources.items);
	free(options->queries.items);
	free(options->pictures.items);
	free(options->operands.items);
}

void options_print_help(const struct command *command)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];
		if ((row->commands & command->options) == 0)
			continue;
		char left[64];
		snprintf(left, sizeof left, "  %c%c%s --%s%s%s", row->letter != 0 ? '-' : ' ',
		         row->letter != 0 ? row->letter : ' ', row->letter != 0 ? "," : " ", row->name,
		         row->argument != NULL ? " " : "", row->argument != NULL ? row->argument : "");
		printf("%-30s ", left);
		for (const char *c = row->help; *c != '\0'; c++) {
			putchar(*c);
			if (*c == '\n')
				printf("%31s", "");
		}
		putchar('\n');
	}
}
