/* Parsing the command line, and --help; what there is stands in option_table.c. */
#ifndef CLIPCLS_CLI_OPTIONS_H
#define CLIPCLS_CLI_OPTIONS_H

#include "cli/cli.h"

/* Parses argv (argv[0] is skipped) for `command`. False after a message about what is wrong. */
bool options_parse(struct options *options, const struct command *command, int argc, char **argv);
void options_free(struct options *options);
/* The option part of --help on stdout. */
void options_print_help(const struct command *command);

#endif
