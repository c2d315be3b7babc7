#include "cli/labelled/dataset.h"

#include "cli/input/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool no_memory(void)
{
	complain("out of memory");
	return false;
}

/* Room for one more element; what was there stays where memory is out. */
static bool grow(void *array, size_t *capacity, size_t count, size_t size)
{
	void *old, *grown;
	memcpy(&old, array, sizeof old);
	if (count < *capacity)
		return true;
	size_t next = *capacity > 0 ? 2 * *capacity : 64;
	grown = reallocarray(old, next, size);
	if (grown == NULL)
		return no_memory();
	memcpy(array, &grown, sizeof grown);
	*capacity = next;
	return true;
}

/* Takes over `path`. */
static bool add_example(struct dataset *dataset, char *path, size_t class)
{
	if (path == NULL)
		return no_memory();
	if (!grow(&dataset->examples, &dataset->capacity, dataset->count, sizeof *dataset->examples)) {
		free(path);
		return false;
	}
	dataset->examples[dataset->count++] = (struct example){ path, class, 0 };
	return true;
}

static bool add_class(struct dataset *dataset, const char *name)
{
	if (!grow(&dataset->classes, &dataset->class_capacity, dataset->class_count,
	          sizeof *dataset->classes))
		return false;
	char *copy = strdup(name);
	if (copy == NULL)
		return no_memory();
	dataset->classes[dataset->class_count++] = copy;
	return true;
}

/* ---- folders -------------------------------------------------------------------------------- */

static bool add_folder(struct dataset *dataset, const char *folder, const char *name)
{
	struct walk *walk = walk_open(folder, NULL);
	bool failed = false, good = walk != NULL;
	char *path;
	if (walk == NULL)
		complain("%s: cannot read: %s", folder, strerror(errno));
	good = good && add_class(dataset, name);
	while (good && (path = walk_next(&walk, true, &failed)) != NULL)
		good = add_example(dataset, path, dataset->class_count - 1);
	walk_free(walk);
	return failed ? no_memory() : good;
}

/* An entry of the directory; what is no folder is left out, and so is a link to nothing. */
static bool add_entry(struct dataset *dataset, const char *path, const char *name)
{
	struct stat st;
	if (stat(path, &st) == 0)
		return !S_ISDIR(st.st_mode) || add_folder(dataset, path, name);
	if (errno == ENOENT)
		return true;
	complain("%s: cannot read: %s", path, strerror(errno));
	return false;
}

static bool read_folders(struct dataset *dataset, const char *path)
{
	struct dirent **entries = NULL;
	int count = walk_list(path, &entries);
	bool good = count >= 0;
	if (!good)
		complain("%s: cannot read: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *folder = NULL;
		if (good && asprintf(&folder, "%s/%s", path, entries[i]->d_name) < 0)
			good = no_memory();
		else if (good)
			good = add_entry(dataset, folder, entries[i]->d_name);
		free(folder);
		free(entries[i]);
	}
	free(entries);
	return good;
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* The class of this name; lists mostly have a class's pictures together. */
static bool find_class(struct dataset *dataset, const char *name, size_t *class)
{
	for (size_t i = dataset->class_count; i-- > 0;) {
		if (strcmp(dataset->classes[i], name) == 0) {
			*class = i;
			return true;
		}
	}
	*class = dataset->class_count;
	return add_class(dataset, name);
}

/* `line` without its line end. */
static bool add_line(struct dataset *dataset, const char *list, size_t number, char *line)
{
	char *tab = strchr(line, '\t'), *path = NULL;
	const char *slash = strrchr(list, '/');
	size_t class;
	if (tab == NULL || tab == line || tab[1] == '\0') {
		complain("%s:%zu: is not path<TAB>class", list, number);
		return false;
	}
	*tab = '\0';
	if (!find_class(dataset, tab + 1, &class))
		return false;
	if (line[0] == '/' || slash == NULL)
		path = strdup(line);
	else if (asprintf(&path, "%.*s%s", (int)(slash + 1 - list), list, line) < 0)
		path = NULL;
	return add_example(dataset, path, class);
}

static bool read_list(struct dataset *dataset, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t capacity = 0, number = 0;
	ssize_t n;
	bool good = true;
	if (file == NULL) {
		complain("%s: cannot open: %s", path, strerror(errno));
		return false;
	}
	while (good && (n = getline(&line, &capacity, file)) > 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		number++;
		good = n == 0 || add_line(dataset, path, number, line);
	}
	if (good && !feof(file)) { /* memory may have been short, too */
		complain("%s: cannot read: %s", path, strerror(errno));
		good = false;
	}
	free(line);
	fclose(file);
	return good;
}

bool dataset_read(struct dataset *dataset, const char *path)
{
	struct stat st;
	*dataset = (struct dataset){ 0 };
	bool folders = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (!(folders ? read_folders(dataset, path) : read_list(dataset, path)))
		return false;
	if (dataset->count == 0)
		complain("%s: holds no picture%s", path, folders ? " in a folder of its class" : "");
	return dataset->count > 0;
}

void dataset_drop(struct dataset *dataset, const bool *drop)
{
	size_t examples = 0, classes = 0;
	/* Examples first: they are sorted out by the places that classes have now. */
	for (size_t i = 0; i < dataset->count; i++) {
		struct example *example = &dataset->examples[i];
		size_t before = 0;
		for (size_t class = 0; class < example->class; class ++)
			before += drop[class];
		if (drop[example->class]) {
			free(example->path);
		} else {
			dataset->examples[examples] = *example;
			dataset->examples[examples++].class -= before;
		}
	}
	for (size_t class = 0; class < dataset->class_count; class ++) {
		if (drop[class])
			free(dataset->classes[class]);
		else
			dataset->classes[classes++] = dataset->classes[class];
	}
	dataset->count = examples;
	dataset->class_count = classes;
}

void dataset_free(struct dataset *dataset)
{
	for (size_t i = 0; i < dataset->count; i++)
		free(dataset->examples[i].path);
	for (size_t i = 0; i < dataset->class_count; i++)
		free(dataset->classes[i]);
	free(dataset->examples);
	free(dataset->classes);
	*dataset = (struct dataset){ 0 };
}
