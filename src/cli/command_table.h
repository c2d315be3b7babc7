/* The subcommands: one table, from which main, --help, the manual and the completions are made. */
#ifndef CLIPCLS_CLI_COMMAND_TABLE_H
#define CLIPCLS_CLI_COMMAND_TABLE_H

#include "cli/cli.h"

extern const struct command command_table[]; /* the first is what runs when none is named */
extern const size_t command_count;

/* The length of the first word of a command's name. */
size_t command_first_word(const struct command *command);
/* What follows it; "" when it is the whole. */
const char *command_second_word(const struct command *command);
/* What a list of first words says of it. */
const char *command_first_summary(const struct command *command);
/* Whether no command before this place of the table has the same first word. */
bool command_is_first(size_t i);

#endif
