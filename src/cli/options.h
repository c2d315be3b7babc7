/* The command line's grammar: one table, from which parsing and --help are made. */
#ifndef CLIPCLS_CLI_OPTIONS_H
#define CLIPCLS_CLI_OPTIONS_H

#include "cli/cli.h"

/* Which commands take an option. */
enum {
	FOR_CLASSIFY = 1,
	FOR_CONVERT = 2,
	FOR_INSPECT = 4,
	FOR_MODELS = 8,
	FOR_GET = 16,
	FOR_BENCH = 32,
	FOR_EVAL = 64,
	FOR_ALL = 127
};

/* Parses argv (argv[0] is skipped) for `command`. False after a message about what is wrong. */
bool options_parse(struct options *options, const struct command *command, int argc, char **argv);
void options_free(struct options *options);
/* The option part of --help on stdout. */
void options_print_help(const struct command *command);

#endif
