/* The command line's grammar: one table, from which parsing and --help are made. */
#ifndef CLIPCLS_CLI_OPTION_TABLE_H
#define CLIPCLS_CLI_OPTION_TABLE_H

#include "cli/cli.h"

/* A macro's number, for a text. */
#define TEXT_OF(number) #number
#define NUMBER_TEXT(macro) TEXT_OF(macro)

/* Which commands take an option. */
enum {
	FOR_CLASSIFY = 1,
	FOR_CONVERT = 2,
	FOR_INSPECT = 4,
	FOR_MODELS = 8,
	FOR_GET = 16,
	FOR_BENCH = 32,
	FOR_EVAL = 64,
	FOR_EMBED = 128,
	FOR_SEARCH = 256,
	FOR_PROBE = 512, /* probe train; probe apply takes what classify does */
	FOR_MAN = 1024,
	FOR_COMPLETION = 2048,
	FOR_ALL = 4095
};

struct option_row {
	int letter; /* of the short option; 0 = there is none */
	const char *name;
	const char *argument; /* NULL = takes none */
	unsigned commands;
	/* Puts a value where it belongs (out: what `offset` says). False after a message about what is
	 * wrong with it. */
	bool (*take)(void *out, const struct option_row *row, const char *value);
	size_t offset;              /* in struct options */
	const char *const *choices; /* the words that may stand there; NULL = free */
	const char *help;
};

#define OPTION_LIMIT 96 /* rows of the table at most */

extern const struct option_row option_table[];
extern const size_t option_count;

#endif
