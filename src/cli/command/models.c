/* clipcls models: the catalogue, and what of it is downloaded. */
#include "cli/catalogue.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

static bool downloaded(const char *name)
{
	char *path = NULL;
	bool there = clipcls_model_path(&path, name, NULL) == CLIPCLS_OK;
	free(path);
	return there;
}

enum exit_code command_models(const struct options *options)
{
	struct catalogue_entry entry;
	const char *position = NULL;
	if (options->operands.count > 0) {
		complain("models: takes no operands");
		return EXIT_FATAL;
	}
	while (catalogue_next(&entry, &position)) {
		const char **fields = entry.fields;
		printf("%c %-20s %8s  %-14s %s\n", downloaded(fields[CATALOGUE_NAME]) ? '*' : ' ',
		       fields[CATALOGUE_NAME], fields[CATALOGUE_SIZE], fields[CATALOGUE_LICENCE],
		       fields[CATALOGUE_DESCRIPTION]);
		catalogue_entry_free(&entry);
	}
	puts("\n* downloaded: use with -m NAME. 'clipcls get NAME' downloads and verifies one.");
	return EXIT_DONE;
}
