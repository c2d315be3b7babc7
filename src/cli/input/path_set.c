#include "cli/input/path_set.h"

#include "cli/cli.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool path_set_add(struct path_set *set, const char *path, size_t n)
{
	char *copy = strndup(path, n);
	void *node = copy == NULL ? NULL : tsearch(copy, &set->tree, compare);
	if (node == NULL) {
		complain("out of memory");
		free(copy);
		return false;
	}
	if (*(char **)node == copy)
		set->count++;
	else
		free(copy);
	return true;
}

bool path_set_has(const struct path_set *set, const char *path)
{
	return tfind(path, &set->tree, compare) != NULL;
}

void path_set_free(struct path_set *set)
{
	tdestroy(set->tree, free);
	*set = (struct path_set){ 0 };
}
