/* Files in memory in place of the disk's: tens of thousands are opened in a second, and beyond
 * their end there is no rest of a page that a sanitizer takes for theirs. The linker's --wrap puts
 * these functions where base/file.h's are called. */
#include "fuzz.h"

#include "base/file.h"
#include "base/file_map.h"

#define MOST_FILES 16

static struct {
	const char *path;
	uint8_t *bytes;
	size_t size;
} files[MOST_FILES];
static size_t count;

bool __wrap_file_exists(const char *path);
clipcls_status __wrap_file_map_open(struct file_map *map, const char *path, clipcls_error *error);
void __wrap_file_map_close(struct file_map *map);
clipcls_status __wrap_file_map_intact(const struct file_map *map, const char *path,
                                      clipcls_error *error);
clipcls_status __wrap_file_read(char **bytes, size_t *size, const char *path, size_t limit,
                                clipcls_error *error);

void fuzz_files_add(const char *path, const uint8_t *data, size_t size)
{
	if (count == MOST_FILES)
		abort();
	files[count].path = path;
	files[count].bytes = fuzz_copy(data, size);
	files[count++].size = size;
}

void fuzz_files_clear(void)
{
	while (count > 0)
		free(files[--count].bytes);
}

/* `count` when there is none. */
static size_t find(const char *path)
{
	size_t i = 0;
	while (i < count && strcmp(files[i].path, path) != 0)
		i++;
	return i;
}

bool __wrap_file_exists(const char *path)
{
	return find(path) < count;
}

clipcls_status __wrap_file_map_open(struct file_map *map, const char *path, clipcls_error *error)
{
	size_t i = find(path);
	*map = (struct file_map){ 0 };
	if (i == count)
		return error_set(error, CLIPCLS_ERR_IO, "%s: no such file", path);
	if (files[i].size == 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: file is empty", path);
	map->bytes = files[i].bytes;
	map->size = files[i].size;
	return CLIPCLS_OK;
}

void __wrap_file_map_close(struct file_map *map)
{
	*map = (struct file_map){ 0 };
}

/* Nobody writes to these. */
clipcls_status __wrap_file_map_intact(const struct file_map *map, const char *path,
                                      clipcls_error *error)
{
	(void)map;
	(void)path;
	(void)error;
	return CLIPCLS_OK;
}

clipcls_status __wrap_file_read(char **bytes, size_t *size, const char *path, size_t limit,
                                clipcls_error *error)
{
	size_t i = find(path);
	*bytes = NULL;
	*size = 0;
	if (i == count)
		return error_set(error, CLIPCLS_ERR_IO, "%s: no such file", path);
	if (files[i].size > limit)
		return error_set(error, CLIPCLS_ERR_LIMIT, "%s: too large", path);
	*bytes = malloc(files[i].size + 1);
	if (*bytes == NULL)
		return error_memory(error);
	memcpy(*bytes, files[i].bytes, files[i].size);
	(*bytes)[files[i].size] = '\0';
	*size = files[i].size;
	return CLIPCLS_OK;
}
