#include "cli/input/walk.h"

#include "clipcls.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct walk {
	struct walk *parent;
	char *path;
	struct dirent **entries;
	int count, next;
};

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* By bytes: alphasort would go by the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int walk_list(const char *path, struct dirent ***entries)
{
	return scandir(path, entries, visible, by_bytes);
}

struct walk *walk_open(const char *path, struct walk *parent)
{
	struct walk *walk = calloc(1, sizeof *walk);
	if (walk == NULL)
		return NULL;
	walk->parent = parent;
	walk->path = strdup(path);
	walk->count = walk->path == NULL ? -1 : walk_list(path, &walk->entries);
	if (walk->count < 0) {
		int reason = errno;
		free(walk->path);
		free(walk);
		errno = reason;
		return NULL;
	}
	return walk;
}

/* Closes the innermost directory; returns the one around it. */
static struct walk *close_one(struct walk *walk)
{
	struct walk *parent = walk->parent;
	for (int i = 0; i < walk->count; i++)
		free(walk->entries[i]);
	free(walk->entries);
	free(walk->path);
	free(walk);
	return parent;
}

void walk_free(struct walk *walk)
{
	while (walk != NULL)
		walk = close_one(walk);
}

bool walk_is_picture(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *extension;
	for (size_t i = 0; dot != NULL && (extension = clipcls_image_extension(i)) != NULL; i++)
		if (strcasecmp(dot + 1, extension) == 0)
			return true;
	return false;
}

enum kind { KIND_DIRECTORY, KIND_PICTURE, KIND_OTHER };

/* type: as the directory has it, for what cannot be looked at. */
static enum kind kind_of(const char *path, unsigned char type)
{
	struct stat link, target;
	bool linked = lstat(path, &link) == 0 ? S_ISLNK(link.st_mode) : type == DT_LNK;
	bool there = stat(path, &target) == 0;
	if (there ? S_ISDIR(target.st_mode) : type == DT_DIR)
		return linked ? KIND_OTHER : KIND_DIRECTORY;
	/* A broken link, or a file that may not be looked at, is a record with the reason. */
	if (!walk_is_picture(path) || (there && !S_ISREG(target.st_mode)))
		return KIND_OTHER;
	return KIND_PICTURE;
}

static char *join(const char *directory, const char *name)
{
	size_t n = strlen(directory), size = n + strlen(name) + 2;
	char *path = malloc(size);
	if (path != NULL)
		snprintf(path, size, "%s%s%s", directory, n > 0 && directory[n - 1] == '/' ? "" : "/",
		         name);
	return path;
}

char *walk_next(struct walk **walk, bool recursive, bool *failed)
{
	while (*walk != NULL) {
		if ((*walk)->next == (*walk)->count) {
			*walk = close_one(*walk);
			continue;
		}
		const struct dirent *entry = (*walk)->entries[(*walk)->next++];
		char *path = join((*walk)->path, entry->d_name);
		if (path == NULL) {
			*failed = true;
			return NULL;
		}
		enum kind kind = kind_of(path, entry->d_type);
		if (kind == KIND_PICTURE)
			return path;
		if (kind == KIND_DIRECTORY && recursive) {
			struct walk *inner = walk_open(path, *walk);
			if (inner == NULL && errno != ENOMEM)
				return path;
			if (inner == NULL) {
				free(path);
				*failed = true;
				return NULL;
			}
			*walk = inner;
		}
		free(path);
	}
	return NULL;
}
