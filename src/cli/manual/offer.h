/* What a shell may offer where the value of an option, or an operand, is to come. */
#ifndef CLIPCLS_CLI_MANUAL_OFFER_H
#define CLIPCLS_CLI_MANUAL_OFFER_H

#include "base/buffer.h"
#include "cli/option_table.h"

enum offer_kind {
	OFFER_FILES = 1,       /* directories included */
	OFFER_DIRECTORIES = 2, /* nothing but these */
	OFFER_DOWNLOADED = 4,  /* models of the catalogue that are there */
	OFFER_CATALOGUE = 8    /* all models of the catalogue */
};

/* Zero-initialise; free with buffer_free(&offer.words). */
struct offer {
	unsigned kinds;
	struct buffer words; /* "auto always never": letters, digits and hyphens alone, which no shell
	                        wants quoted; nothing where there are none */
};

/* Of an option that takes a value: its choices, the built-in sets where a SET may stand, and the
 * kinds of file that the argument's name says. */
void offer_of_option(struct offer *offer, const struct option_row *row);
/* The same of a command's operands. */
void offer_of_operands(struct offer *offer, const struct command *command);
/* The kinds as words: "files downloaded". */
void offer_append_kinds(struct buffer *out, const struct offer *offer);

#endif
