/* Safetensors files as one set of tensors: a single file, bytes in memory, or shards. */
#include "model/safetensors.h"

#include "base/checked.h"
#include "base/file.h"
#include "base/file_map.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/strmap.h"
#include "model/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

#define SHARD_LIMIT 10000

/* One file, or one shard. */
struct part {
	char *path;
	struct file_map map; /* empty when the bytes are the caller's */
	const unsigned char *bytes;
	size_t size;
	struct safetensors_header header;
};

struct safetensors {
	char *path;
	struct part *parts;
	size_t n_parts, parts_capacity;
	struct safetensors_tensor *tensors; /* of all parts */
	size_t count, capacity;
	struct strmap *by_name;
};

void safetensors_free(struct safetensors *file)
{
	if (file == NULL)
		return;
	for (size_t i = 0; i < file->n_parts; i++) {
		free(file->parts[i].path);
		safetensors_header_free(&file->parts[i].header);
		file_map_close(&file->parts[i].map);
	}
	strmap_free(file->by_name);
	free(file->parts);
	free(file->tensors);
	free(file->path);
	free(file);
}

static struct safetensors *new_file(const char *path)
{
	struct safetensors *file = memory_new(1, sizeof *file);
	if (file == NULL)
		return NULL;
	file->by_name = strmap_new(512);
	file->path = memory_string(path, strlen(path));
	if (file->by_name == NULL || file->path == NULL) {
		safetensors_free(file);
		return NULL;
	}
	return file;
}

static struct part *add_part(struct safetensors *file, const char *path)
{
	struct part *grown =
	    memory_grow(file->parts, &file->parts_capacity, file->n_parts + 1, sizeof *grown);
	if (grown == NULL)
		return NULL;
	file->parts = grown;
	char *copy = memory_string(path, strlen(path));
	if (copy == NULL)
		return NULL;
	grown[file->n_parts] = (struct part){ .path = copy };
	return &grown[file->n_parts++];
}

/* Takes the tensors of a parsed part into the set. */
static clipcls_status take_tensors(struct safetensors *file, const struct part *part,
                                   clipcls_error *error)
{
	const struct safetensors_header *header = &part->header;
	size_t needed = file->count + header->count; /* both are within SAFETENSORS_TENSOR_LIMIT */
	if (needed > SAFETENSORS_TENSOR_LIMIT)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: more than %zu tensors in all shards",
		                 part->path, SAFETENSORS_TENSOR_LIMIT);
	struct safetensors_tensor *grown =
	    memory_grow(file->tensors, &file->capacity, needed, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	file->tensors = grown;
	for (size_t i = 0; i < header->count; i++) {
		const struct safetensors_tensor *tensor = &header->tensors[i];
		switch (strmap_put(file->by_name, tensor->name, strlen(tensor->name), file->count)) {
		case STRMAP_ADDED: file->tensors[file->count++] = *tensor; break;
		case STRMAP_NO_MEMORY: return error_memory(error);
		case STRMAP_EXISTS:
			return error_set(error, CLIPCLS_ERR_FORMAT,
			                 "%s: tensor \"%s\" stands in another shard, too", part->path,
			                 tensor->name);
		}
	}
	return CLIPCLS_OK;
}

static clipcls_status read_part(struct safetensors *file, struct part *part, const void *bytes,
                                size_t size, clipcls_error *error)
{
	part->bytes = bytes;
	part->size = size;
	clipcls_status status = safetensors_header_parse(&part->header, bytes, size, part->path, error);
	return status == CLIPCLS_OK ? take_tensors(file, part, error) : status;
}

static clipcls_status add_file(struct safetensors *file, const char *path, clipcls_error *error)
{
	struct part *part = add_part(file, path);
	if (part == NULL)
		return error_memory(error);
	clipcls_status status = file_map_open(&part->map, path, error);
	if (status != CLIPCLS_OK)
		return status;
	status = read_part(file, part, part->map.bytes, part->map.size, error);
	/* Where a header makes no sense because the file is being written, that is the reason. */
	clipcls_status intact = file_map_intact(&part->map, path, error);
	return intact != CLIPCLS_OK ? intact : status;
}

/* Gives `file` to the caller, or ends it on an error. */
static clipcls_status hand_over(struct safetensors **out, struct safetensors *file,
                                clipcls_status status)
{
	if (status != CLIPCLS_OK)
		safetensors_free(file);
	else
		*out = file;
	return status;
}

clipcls_status safetensors_open(struct safetensors **out, const char *path, clipcls_error *error)
{
	*out = NULL;
	struct safetensors *file = new_file(path);
	if (file == NULL)
		return error_memory(error);
	return hand_over(out, file, add_file(file, path, error));
}

clipcls_status safetensors_open_memory(struct safetensors **out, const void *bytes, size_t size,
                                       const char *name, clipcls_error *error)
{
	*out = NULL;
	struct safetensors *file = new_file(name);
	struct part *part = file != NULL ? add_part(file, name) : NULL;
	if (part == NULL) {
		safetensors_free(file);
		return error_memory(error);
	}
	return hand_over(out, file, read_part(file, part, bytes, size, error));
}

/* A shard is a plain file name in the index's own directory. */
static bool shard_name_is_plain(const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strstr(name, "..") == NULL;
}

/* directory_of(path)/name, allocated. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *directory =
	    slash == NULL ? memory_string(".", 1) : memory_string(path, (size_t)(slash - path) + 1);
	char *joined = directory != NULL ? path_join(directory, name) : NULL;
	free(directory);
	return joined;
}

/* Opens each shard that the map names, once, in the order of first mention. */
static clipcls_status add_shards(struct safetensors *file, const json *map, const char *path,
                                 clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	struct strmap *seen = strmap_new(16);
	if (seen == NULL)
		return error_memory(error);
	for (const json *node = json_first(map); node != NULL && status == CLIPCLS_OK;
	     node = json_next(node)) {
		const char *shard = json_string(node, "");
		if (!shard_name_is_plain(shard)) {
			status =
			    error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\": \"%s\" is not a file name",
			              path, json_key(node), shard);
			break;
		}
		enum strmap_put put = strmap_put(seen, shard, strlen(shard), 0);
		if (put == STRMAP_EXISTS)
			continue;
		char *shard_path = put == STRMAP_ADDED ? beside(path, shard) : NULL;
		if (shard_path == NULL)
			status = error_memory(error);
		else if (file->n_parts == SHARD_LIMIT)
			status =
			    error_set(error, CLIPCLS_ERR_FORMAT, "%s: more than %d shards", path, SHARD_LIMIT);
		else
			status = add_file(file, shard_path, error);
		free(shard_path);
	}
	strmap_free(seen);
	return status;
}

/* Every tensor of the map is in the shard that it names; with the counts equal, no shard has one
 * beyond the map. */
static clipcls_status check_map(const struct safetensors *file, const json *map, const char *path,
                                clipcls_error *error)
{
	struct strmap *named = strmap_new(json_count(map));
	if (named == NULL)
		return error_memory(error);
	clipcls_status status = CLIPCLS_OK;
	for (const json *node = json_first(map); node != NULL && status == CLIPCLS_OK;
	     node = json_next(node)) {
		const char *name = json_key(node), *shard = json_string(node, "");
		const struct safetensors_tensor *tensor = safetensors_find(file, name);
		const char *holder = tensor != NULL ? strrchr(tensor->path, '/') : NULL;
		holder = holder != NULL ? holder + 1 : "";
		if (strcmp(holder, shard) != 0)
			status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" is not in %s", path,
			                   name, shard);
		else if (strmap_put(named, name, strlen(name), 0) == STRMAP_NO_MEMORY)
			status = error_memory(error);
	}
	for (size_t i = 0; i < file->count && status == CLIPCLS_OK; i++) {
		const struct safetensors_tensor *tensor = &file->tensors[i];
		if (!strmap_get(named, tensor->name, strlen(tensor->name), NULL))
			status =
			    error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" is not in the index %s",
			              tensor->path, tensor->name, path);
	}
	strmap_free(named);
	return status;
}

clipcls_status safetensors_open_index(struct safetensors **out, const char *path,
                                      clipcls_error *error)
{
	json *root = NULL;
	*out = NULL;
	clipcls_status status = json_read(&root, path, SAFETENSORS_HEADER_LIMIT, error);
	if (status != CLIPCLS_OK)
		return status;
	const json *map = json_get(root, "weight_map");
	struct safetensors *file = new_file(path);
	if (file == NULL)
		status = error_memory(error);
	else if (!json_is_object(map) || json_first(map) == NULL)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: has no weight_map", path);
	if (status == CLIPCLS_OK)
		status = add_shards(file, map, path, error);
	if (status == CLIPCLS_OK)
		status = check_map(file, map, path, error);
	json_free(root);
	return hand_over(out, file, status);
}

size_t safetensors_count(const struct safetensors *file)
{
	return file->count;
}

const struct safetensors_tensor *safetensors_at(const struct safetensors *file, size_t index)
{
	return &file->tensors[index];
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name)
{
	size_t index;
	if (!strmap_get(file->by_name, name, strlen(name), &index))
		return NULL;
	return &file->tensors[index];
}

void safetensors_forget(const struct safetensors *file, const struct safetensors_tensor *tensor)
{
	for (size_t i = 0; i < file->n_parts; i++) {
		const struct file_map *map = &file->parts[i].map;
		if (map->bytes != NULL && tensor->data >= map->bytes &&
		    tensor->data < map->bytes + map->size)
			file_map_forget(tensor->data, tensor->bytes);
	}
}

size_t safetensors_index(const struct safetensors *file, const struct safetensors_tensor *tensor)
{
	return (size_t)(tensor - file->tensors);
}

const char *safetensors_path(const struct safetensors *file)
{
	return file->path;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key)
{
	const json *metadata = json_get(file->parts[0].header.json, "__metadata__");
	return json_string(json_get(metadata, key), NULL);
}

uint64_t safetensors_file_bytes(const struct safetensors *file)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < file->n_parts; i++)
		bytes += file->parts[i].size;
	return bytes;
}

void safetensors_identity(struct buffer *out, const struct safetensors *file)
{
	for (size_t i = 0; i < file->n_parts; i++) {
		const struct part *part = &file->parts[i];
		struct hash128 header = hash128_bytes(part->bytes, part->header.bytes);
		buffer_append(out, &part->map.identity, sizeof part->map.identity);
		buffer_append(out, &header, sizeof header);
	}
}

clipcls_status safetensors_intact(const struct safetensors *file, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; status == CLIPCLS_OK && i < file->n_parts; i++)
		if (file->parts[i].map.bytes != NULL)
			status = file_map_intact(&file->parts[i].map, file->parts[i].path, error);
	return status;
}

clipcls_status safetensors_outcome(const struct safetensors *file, clipcls_status status,
                                   clipcls_error *error)
{
	clipcls_status intact = file != NULL ? safetensors_intact(file, error) : CLIPCLS_OK;
	return intact != CLIPCLS_OK ? intact : status;
}

bool safetensors_unchanged(const struct safetensors *file)
{
	for (size_t i = 0; i < file->n_parts; i++) {
		const struct part *part = &file->parts[i];
		struct file_identity now;
		if (part->map.bytes != NULL && (!file_identify(&now, part->path) ||
		                                memcmp(&now, &part->map.identity, sizeof now) != 0))
			return false;
	}
	return true;
}
