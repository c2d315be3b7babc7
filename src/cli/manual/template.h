/* Texts with places in them that are filled from the tables of commands and options. */
#ifndef CLIPCLS_CLI_MANUAL_TEMPLATE_H
#define CLIPCLS_CLI_MANUAL_TEMPLATE_H

#include "base/buffer.h"
#include "cli/option_table.h"

/* Defined in templates.S; a NUL stands behind the end. */
extern const char clipcls_mdoc[], clipcls_bash[], clipcls_zsh[], clipcls_fish[];

/* What is written in place of a line @name@. */
struct place {
	const char *name;
	void (*fill)(struct buffer *out);
};

/* Appends a text, its places filled by those of the table with that name; n of them. */
void template_fill(struct buffer *out, const char *text, const struct place *places, size_t n);

/* Appends a text with a string in place of each of these characters; NULL = as it is. A line's end
 * becomes a space. */
void append_quoted(struct buffer *out, const char *text, const char *(*quoted)(char c));

#endif
