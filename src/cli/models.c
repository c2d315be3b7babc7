/* clipcls models: the catalogue, and what of it is downloaded. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* models/catalogue.tsv, taken in by catalogue.S: comment lines start with #, fields are separated by
 * a tab each. */
extern const char clipcls_catalogue[], clipcls_catalogue_end[];

enum field { FIELD_NAME, FIELD_LAYOUT, FIELD_SOURCE, FIELD_FILES, FIELD_SIZE, FIELD_LICENCE,
	         FIELD_DESCRIPTION, FIELD_COUNT };

/* Cuts a line into its fields in place; false for a line of another form. */
static bool split(char *line, char *fields[FIELD_COUNT])
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		fields[i] = line;
		if (i + 1 < FIELD_COUNT) {
			line = strchr(line, '\t');
			if (line == NULL)
				return false;
			*line++ = '\0';
		}
	}
	return true;
}

static bool downloaded(const char *name)
{
	char *path = NULL;
	bool there = clipcls_model_path(&path, name, NULL) == CLIPCLS_OK;
	free(path);
	return there;
}

static void print_line(char *line)
{
	char *fields[FIELD_COUNT];
	if (line[0] == '#' || line[0] == '\0' || !split(line, fields))
		return;
	printf("%c %-28s %8s  %-14s %s\n", downloaded(fields[FIELD_NAME]) ? '*' : ' ',
	       fields[FIELD_NAME], fields[FIELD_SIZE], fields[FIELD_LICENCE], fields[FIELD_DESCRIPTION]);
}

enum exit_code command_models(const struct options *options)
{
	size_t size = (size_t)(clipcls_catalogue_end - clipcls_catalogue);
	if (options->operands.count > 0) {
		complain("models: takes no operands");
		return EXIT_FATAL;
	}
	char *text = malloc(size + 1);
	if (text == NULL) {
		complain("out of memory");
		return EXIT_FATAL;
	}
	memcpy(text, clipcls_catalogue, size);
	text[size] = '\0';
	for (char *line = text, *next; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		print_line(line);
	}
	puts("\n* downloaded: use with -m NAME. 'clipcls get NAME' downloads and verifies one.");
	free(text);
	return EXIT_DONE;
}
