#include "cli/catalogue.h"

#include <stdlib.h>
#include <string.h>

/* Defined in catalogue.S; a NUL stands behind the end. */
extern const char clipcls_catalogue[];

/* Cuts a line into its fields in place; false for a comment or a line of another form. */
static bool split(struct catalogue_entry *entry)
{
	char *field = entry->line;
	if (field[0] == '#')
		return false;
	for (size_t i = 0; i < CATALOGUE_FIELDS; i++) {
		entry->fields[i] = field;
		if (i + 1 < CATALOGUE_FIELDS) {
			field = strchr(field, '\t');
			if (field == NULL)
				return false;
			*field++ = '\0';
		}
	}
	return true;
}

bool catalogue_next(struct catalogue_entry *entry, const char **position)
{
	const char *line = *position != NULL ? *position : clipcls_catalogue;
	while (*line != '\0') {
		size_t n = strcspn(line, "\n");
		entry->line = strndup(line, n);
		if (entry->line == NULL)
			return false;
		line += n + (line[n] == '\n');
		*position = line;
		if (split(entry))
			return true;
		free(entry->line);
	}
	return false;
}

void catalogue_entry_free(struct catalogue_entry *entry)
{
	free(entry->line);
}

bool catalogue_has(const char *name)
{
	struct catalogue_entry entry;
	const char *position = NULL;
	bool found = false;
	while (!found && catalogue_next(&entry, &position)) {
		found = strcmp(entry.fields[CATALOGUE_NAME], name) == 0;
		catalogue_entry_free(&entry);
	}
	return found;
}
