/* Reading an index file. Everything is used from the mapping: opening one of a million pictures
 * touches its paths' ends alone. */
#include "classify/index_file.h"
#include "classify/model.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strmap.h"
#include "model/safetensors.h"
#include "model/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct clipcls_index {
	struct safetensors *file;
	size_t count, E;
	const float *embeddings;                      /* (count, E) */
	const unsigned char *sizes, *modified, *ends; /* (count) int64, at any alignment */
	const char *paths;
	float *signature;
	size_t signature_size;
	struct strmap *places; /* of paths; NULL until the first is looked for */
};

static int64_t number_at(const unsigned char *numbers, size_t i)
{
	int64_t number;
	memcpy(&number, numbers + i * sizeof number, sizeof number);
	return number;
}

int clipcls_index_recognise(const char *path)
{
	char start[512] = "";
	struct stat st;
	/* A pipe may be a picture's: nothing is taken out of it. */
	int fd;
	ssize_t n;
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
	    file_open(&fd, path, path, 0, NULL) != CLIPCLS_OK)
		return 0;
	do
		n = pread(fd, start, sizeof start, 0);
	while (n < 0 && errno == EINTR);
	close(fd);
	const char mark[] = "{\"__metadata__\":{\"format\":\"" INDEX_FORMAT "\"";
	return n > (ssize_t)(8 + sizeof mark) && memcmp(start + 8, mark, sizeof mark - 1) == 0;
}

/* Every path ends in NUL where it should, and lies behind the one before. */
static clipcls_status check_paths(const clipcls_index *index,
                                  const struct safetensors_tensor *paths, clipcls_error *error)
{
	int64_t begin = 0;
	for (size_t i = 0; i < index->count; i++) {
		int64_t end = number_at(index->ends, i);
		if (end <= begin || (uint64_t)end > paths->bytes || index->paths[end - 1] != '\0')
			return error_set(error, CLIPCLS_ERR_FORMAT, "%s: path %zu is damaged",
			                 safetensors_path(index->file), i);
		begin = end;
	}
	return CLIPCLS_OK;
}

/* What a file has to hold, in this order; */
enum { EMBEDDINGS, SIZES, MODIFIED, PATH_ENDS, PATHS, SIGNATURE, TENSORS };
static const struct {
	const char *name;
	enum dtype dtype;
	size_t rank;
} wanted[TENSORS] = {
	[EMBEDDINGS] = { INDEX_EMBEDDINGS, DTYPE_F32, 2 },
	[SIZES] = { INDEX_SIZES, DTYPE_I64, 1 },
	[MODIFIED] = { INDEX_MODIFIED, DTYPE_I64, 1 },
	[PATH_ENDS] = { INDEX_PATH_ENDS, DTYPE_I64, 1 },
	[PATHS] = { INDEX_PATHS, DTYPE_U8, 1 },
	[SIGNATURE] = { INDEX_SIGNATURE, DTYPE_F32, 1 },
};

static clipcls_status find_tensors(const struct safetensors_tensor **out,
                                   const clipcls_index *index, clipcls_error *error)
{
	const char *path = safetensors_path(index->file);
	for (size_t i = 0; i < TENSORS; i++) {
		const char *name = wanted[i].name;
		const struct safetensors_tensor *tensor = safetensors_find(index->file, name);
		if (tensor == NULL)
			return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" is missing", path, name);
		bool counts = i == SIZES || i == MODIFIED || i == PATH_ENDS;
		if (tensor->dtype != wanted[i].dtype || tensor->rank != wanted[i].rank ||
		    (counts && tensor->shape[0] != out[EMBEDDINGS]->shape[0]))
			return error_set(error, CLIPCLS_ERR_FORMAT,
			                 "%s: tensor \"%s\" has a wrong dtype or shape", path, name);
		out[i] = tensor;
	}
	if ((uintptr_t)out[EMBEDDINGS]->data % sizeof(float) != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: embeddings are not aligned", path);
	return CLIPCLS_OK;
}

static clipcls_status bind_tensors(clipcls_index *index, clipcls_error *error)
{
	const struct safetensors_tensor *tensors[TENSORS] = { NULL };
	clipcls_status status = find_tensors(tensors, index, error);
	if (status != CLIPCLS_OK)
		return status;
	index->count = tensors[EMBEDDINGS]->shape[0];
	index->E = tensors[EMBEDDINGS]->shape[1];
	index->embeddings = (const float *)(const void *)tensors[EMBEDDINGS]->data;
	index->sizes = tensors[SIZES]->data;
	index->modified = tensors[MODIFIED]->data;
	index->ends = tensors[PATH_ENDS]->data;
	index->paths = (const char *)tensors[PATHS]->data;
	index->signature_size = tensors[SIGNATURE]->elements;
	index->signature = memory_floats(index->signature_size);
	if (index->signature == NULL)
		return error_memory(error);
	memcpy(index->signature, tensors[SIGNATURE]->data, tensors[SIGNATURE]->bytes);
	return check_paths(index, tensors[PATHS], error);
}

static clipcls_status check_version(const clipcls_index *index, clipcls_error *error)
{
	const char *format = safetensors_metadata(index->file, "format");
	const char *version = safetensors_metadata(index->file, "format_version");
	const char *path = safetensors_path(index->file);
	if (format == NULL || strcmp(format, INDEX_FORMAT) != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: is no index of pictures", path);
	if (version == NULL || strcmp(version, INDEX_VERSION) != 0)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: index version \"%s\" is not known",
		                 path, version != NULL ? version : "");
	return CLIPCLS_OK;
}

clipcls_status clipcls_index_open(clipcls_index **out, const char *path, clipcls_error *error)
{
	clipcls_index *index = memory_new(1, sizeof *index);
	*out = NULL;
	if (index == NULL)
		return error_memory(error);
	clipcls_status status = safetensors_open(&index->file, path, error);
	if (status == CLIPCLS_OK)
		status = check_version(index, error);
	if (status == CLIPCLS_OK)
		status = bind_tensors(index, error);
	status = safetensors_outcome(index->file, status, error);
	if (status != CLIPCLS_OK)
		clipcls_index_free(index);
	else
		*out = index;
	return status;
}

void clipcls_index_free(clipcls_index *index)
{
	if (index == NULL)
		return;
	safetensors_free(index->file);
	free(index->signature);
	strmap_free(index->places);
	free(index);
}

clipcls_status clipcls_index_check(const clipcls_index *index, clipcls_model *model,
                                   clipcls_error *error)
{
	bool same;
	clipcls_status status =
	    model_is_of(&same, model->checkpoint, index->signature, index->signature_size, error);
	if (status != CLIPCLS_OK)
		return status;
	return same && index->E == clipcls_model_embedding_size(model)
	           ? CLIPCLS_OK
	           : error_set(error, CLIPCLS_ERR_ARGUMENT, "%s: was made with another model than %s",
	                       safetensors_path(index->file), checkpoint_path(model->checkpoint));
}

clipcls_status clipcls_index_intact(const clipcls_index *index, clipcls_error *error)
{
	return safetensors_intact(index->file, error);
}

size_t clipcls_index_count(const clipcls_index *index)
{
	return index->count;
}

const char *clipcls_index_note(const clipcls_index *index)
{
	const char *note = safetensors_metadata(index->file, "note");
	return note != NULL ? note : "";
}

clipcls_entry clipcls_index_entry(const clipcls_index *index, size_t i)
{
	return (clipcls_entry){
		.path = index->paths + (i > 0 ? number_at(index->ends, i - 1) : 0),
		.size = (uint64_t)number_at(index->sizes, i),
		.modified_ns = number_at(index->modified, i),
		.embedding = index->embeddings + i * index->E,
	};
}

static struct strmap *make_places(const clipcls_index *index)
{
	struct strmap *places = strmap_new(index->count);
	for (size_t i = 0; places != NULL && i < index->count; i++) {
		const char *path = clipcls_index_entry(index, i).path;
		if (strmap_put(places, path, strlen(path), i) == STRMAP_NO_MEMORY) {
			strmap_free(places);
			return NULL;
		}
	}
	return places;
}

clipcls_status clipcls_index_find(int *found, size_t *i, clipcls_index *index, const char *path,
                                  clipcls_error *error)
{
	if (index->places == NULL)
		index->places = make_places(index);
	if (index->places == NULL)
		return error_memory(error);
	*found = strmap_get(index->places, path, strlen(path), i);
	return CLIPCLS_OK;
}

const float *clipcls_index_embeddings(const clipcls_index *index)
{
	return index->embeddings;
}
