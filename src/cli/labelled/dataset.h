/* Pictures whose class is known: a folder for each class, or a list of paths with their classes. */
#ifndef CLIPCLS_CLI_LABELLED_DATASET_H
#define CLIPCLS_CLI_LABELLED_DATASET_H

#include "cli/cli.h"

struct example {
	char *path;
	size_t class; /* in classes */
	size_t rank;  /* among those of its class, in a random order: shots_rank; else 0 */
};

struct dataset {
	struct example *examples; /* in the order of classes, then of paths; of a list, in its order */
	size_t count, capacity;
	char **classes;
	size_t class_count, class_capacity;
};

/* path: a directory of directories, each named after the class of all pictures below it; or a file
 * of lines path<TAB>class, paths being relative to the file's directory. False after a message:
 * also where there is no picture. dataset_free whatever it returns. */
bool dataset_read(struct dataset *dataset, const char *path);
/* Drops classes, and their examples. drop: (class_count). */
void dataset_drop(struct dataset *dataset, const bool *drop);
void dataset_free(struct dataset *dataset);

#endif
