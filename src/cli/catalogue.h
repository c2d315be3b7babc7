/* The catalogue of downloadable checkpoints: models/catalogue.tsv, taken in by catalogue.S. */
#ifndef CLIPCLS_CLI_CATALOGUE_H
#define CLIPCLS_CLI_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

/* The fields of a line, in the file's order. */
enum catalogue_field {
	CATALOGUE_NAME,
	CATALOGUE_LAYOUT,
	CATALOGUE_SOURCE,
	CATALOGUE_FILES,
	CATALOGUE_SIZE,
	CATALOGUE_LICENCE,
	CATALOGUE_DESCRIPTION,
	CATALOGUE_FIELDS
};

struct catalogue_entry {
	const char *fields[CATALOGUE_FIELDS];
	char *line; /* what the fields point into */
};

/* Reads the entry at *position (NULL: the first) and moves on. False at the end, or when memory is
 * out. Free with catalogue_entry_free. */
bool catalogue_next(struct catalogue_entry *entry, const char **position);
void catalogue_entry_free(struct catalogue_entry *entry);

bool catalogue_has(const char *name);

#endif
