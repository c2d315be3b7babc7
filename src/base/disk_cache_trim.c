#include "base/disk_cache_trim.h"

#include "base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HASH_DIGITS 32
#define MARK_SIZE 7 /* of a file that is being written: mkstemp's ".XXXXXX" */
#define NAME_SIZE (HASH_DIGITS + sizeof DISK_CACHE_SUFFIX + MARK_SIZE)

/* No write takes this long: who began it is gone. */
#define ABANDONED_SECONDS 3600

struct entry {
	char name[NAME_SIZE];
	struct timespec used;
	uint64_t size;
};

struct entry_list {
	struct entry *entries;
	size_t count, capacity;
	uint64_t bytes;
};

/* Only what has the shape of our names is touched: the directory is the user's. */
static bool is_ours(const char *name, bool *unfinished)
{
	const char *suffix = name + HASH_DIGITS, *end = suffix + strlen(DISK_CACHE_SUFFIX);
	if (strspn(name, "0123456789abcdef") != HASH_DIGITS ||
	    strncmp(suffix, DISK_CACHE_SUFFIX, strlen(DISK_CACHE_SUFFIX)) != 0)
		return false;
	*unfinished = *end == '.' && strlen(end) == MARK_SIZE;
	return *end == '\0' || *unfinished;
}

static void take_entry(struct entry_list *list, const char *name, const struct stat *st)
{
	struct entry *grown =
	    memory_grow(list->entries, &list->capacity, list->count + 1, sizeof *grown);
	if (grown == NULL)
		return;
	list->entries = grown;
	struct entry *entry = &grown[list->count++];
	*entry = (struct entry){ .used = st->st_mtim, .size = (uint64_t)st->st_size };
	memcpy(entry->name, name, strlen(name) + 1);
}

static void list_entries(struct entry_list *list, DIR *directory, const char *kept)
{
	const struct dirent *item;
	while ((item = readdir(directory)) != NULL) {
		struct stat st;
		bool unfinished;
		if (!is_ours(item->d_name, &unfinished) ||
		    fstatat(dirfd(directory), item->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (unfinished && time(NULL) - st.st_mtime > ABANDONED_SECONDS) {
			unlinkat(dirfd(directory), item->d_name, 0);
			continue;
		}
		list->bytes += (uint64_t)st.st_size;
		if (!unfinished && strcmp(item->d_name, kept) != 0)
			take_entry(list, item->d_name, &st);
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

void disk_cache_trim(const struct disk_cache *cache, const char *kept)
{
	struct entry_list list = { 0 };
	const char *slash = strrchr(kept, '/');
	DIR *directory = opendir(cache->directory);
	if (directory == NULL)
		return;
	list_entries(&list, directory, slash != NULL ? slash + 1 : kept);
	if (list.count > 1)
		qsort(list.entries, list.count, sizeof *list.entries, compare_entries);
	/* Another process may be at the same: what is gone already counts as deleted. */
	for (size_t i = 0; i < list.count && list.bytes > cache->limit; i++) {
		unlinkat(dirfd(directory), list.entries[i].name, 0);
		list.bytes -= list.entries[i].size;
	}
	free(list.entries);
	closedir(directory);
}
