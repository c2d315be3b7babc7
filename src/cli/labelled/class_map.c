#include "cli/labelled/class_map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void underscores_to_spaces(char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '_')
			*text = ' ';
}

clipcls_status class_map_labels(clipcls_labels **out, const struct dataset *dataset,
                                clipcls_error *error)
{
	clipcls_status status = clipcls_labels_new(out, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < dataset->class_count; i++) {
		char *text = strdup(dataset->classes[i]);
		if (text == NULL) {
			status = memory_error(error);
			break;
		}
		underscores_to_spaces(text);
		status = clipcls_labels_add(*out, text, NULL, 0, error);
		free(text);
	}
	return status;
}

/* Built-in sets may hold a text more than once. */
static bool allow_text(struct class_map *map, size_t class, const clipcls_labels *labels,
                       const char *text)
{
	bool found = false;
	for (size_t i = 0; i < map->labels; i++) {
		if (strcmp(clipcls_labels_text(labels, i), text) == 0)
			map->right[class * map->labels + i] = found = true;
	}
	return found;
}

/* "#12" is the label at place 12, all else is a text. */
static bool allow(struct class_map *map, size_t class, const clipcls_labels *labels,
                  const char *text)
{
	char *end = NULL;
	if (text[0] != '#' || text[1] < '0' || text[1] > '9')
		return allow_text(map, class, labels, text);
	errno = 0;
	unsigned long long place = strtoull(text + 1, &end, 10);
	if (*end != '\0' || errno != 0 || place >= map->labels)
		return false;
	map->right[class * map->labels + place] = true;
	return true;
}

/* The label that a set calls by this id, or at this place: datasets name their folders so. */
static bool allow_id(struct class_map *map, size_t class, const clipcls_labels *labels,
                     const char *name)
{
	char place[32];
	size_t digits = strspn(name, "0123456789");
	for (size_t i = 0; i < map->labels; i++) {
		const char *id = clipcls_labels_id(labels, i);
		if (id != NULL && strcmp(id, name) == 0)
			return map->right[class * map->labels + i] = true;
	}
	if (name[digits] != '\0' || digits + 2 > sizeof place)
		return false;
	snprintf(place, sizeof place, "#%s", name);
	return allow(map, class, labels, place);
}

/* Every class's label is the one of its name, with or without underscores, or of its id. */
static bool by_name(struct class_map *map, const struct dataset *dataset,
                    const clipcls_labels *labels)
{
	for (size_t i = 0; i < dataset->class_count; i++) {
		char *text = strdup(dataset->classes[i]);
		if (text == NULL) {
			complain("out of memory");
			return false;
		}
		bool found = allow_text(map, i, labels, text);
		if (!found) {
			underscores_to_spaces(text);
			found = allow_text(map, i, labels, text);
		}
		free(text);
		if (!found && !allow_id(map, i, labels, dataset->classes[i])) {
			complain("class %s: no label has this name; --names FILE says which is right",
			         dataset->classes[i]);
			return false;
		}
	}
	return true;
}

/* `line`: class<TAB>label<TAB>... Classes that the dataset does not have are passed over. */
static bool take_line(struct class_map *map, const struct dataset *dataset, bool *seen,
                      const clipcls_labels *labels, const char *names, size_t number, char *line)
{
	char *rest = NULL;
	const char *name = strtok_r(line, "\t", &rest), *label;
	size_t class = 0;
	while (name != NULL && class < dataset->class_count &&
	       strcmp(dataset->classes[class], name) != 0)
		class ++;
	if (name == NULL || class == dataset->class_count)
		return true;
	seen[class] = true;
	while ((label = strtok_r(NULL, "\t", &rest)) != NULL) {
		if (!allow(map, class, labels, label)) {
			complain("%s:%zu: there is no label %s", names, number, label);
			return false;
		}
	}
	return true;
}

static bool by_file(struct class_map *map, const struct dataset *dataset,
                    const clipcls_labels *labels, const char *names)
{
	FILE *file = fopen(names, "re");
	bool *seen = calloc(dataset->class_count, sizeof *seen);
	bool good = file != NULL && seen != NULL;
	char *line = NULL;
	size_t capacity = 0, number = 0;
	ssize_t n;
	if (!good)
		complain("%s: cannot open: %s", names, strerror(errno));
	while (good && (n = getline(&line, &capacity, file)) > 0) {
		line[strcspn(line, "\r\n")] = '\0';
		good = take_line(map, dataset, seen, labels, names, ++number, line);
	}
	if (good && !feof(file)) {
		complain("%s: cannot read: %s", names, strerror(errno));
		good = false;
	}
	for (size_t i = 0; good && i < dataset->class_count; i++) {
		good = seen[i];
		if (!good)
			complain("%s: says nothing of class %s", names, dataset->classes[i]);
	}
	free(line);
	free(seen);
	if (file != NULL)
		fclose(file);
	return good;
}

/* The rows of classes that have a right label move up to each other. */
static bool drop_unlabelled(struct class_map *map, struct dataset *dataset)
{
	size_t L = map->labels, kept = 0;
	bool *drop = calloc(dataset->class_count, sizeof *drop);
	if (drop == NULL) {
		complain("out of memory");
		return false;
	}
	for (size_t class = 0; class < dataset->class_count; class ++) {
		drop[class] = memchr(map->right + class * L, true, L) == NULL;
		if (!drop[class])
			memmove(map->right + kept++ * L, map->right + class * L, L);
	}
	dataset_drop(dataset, drop);
	free(drop);
	if (dataset->count == 0)
		complain("no picture is left of a class that has a label");
	return dataset->count > 0;
}

bool class_map_make(struct class_map *map, struct dataset *dataset, const clipcls_labels *labels,
                    const char *names, bool subset)
{
	size_t count = clipcls_labels_count(labels);
	*map = (struct class_map){ .labels = count };
	map->right = reallocarray(NULL, dataset->class_count, count);
	map->allowed = calloc(count, sizeof *map->allowed);
	if (map->right == NULL || map->allowed == NULL) {
		complain("out of memory");
		return false;
	}
	memset(map->right, 0, dataset->class_count * count);
	if (names == NULL ? !by_name(map, dataset, labels)
	                  : !by_file(map, dataset, labels, names) || !drop_unlabelled(map, dataset))
		return false;
	for (size_t i = 0; i < dataset->class_count * count; i++)
		if (!subset || map->right[i])
			map->allowed[i % count] = true;
	return true;
}

void class_map_free(struct class_map *map)
{
	free(map->right);
	free(map->allowed);
	*map = (struct class_map){ 0 };
}
