/* The safetensors format, read strictly: an 8-byte little-endian length, a JSON header, and the
 * tensors' bytes without holes. One file, several shards with an index, or bytes in memory. */
#ifndef CLIPCLS_MODEL_SAFETENSORS_H
#define CLIPCLS_MODEL_SAFETENSORS_H

#include "base/error.h"
#include "base/json.h"
#include "model/dtype.h"

#define SAFETENSORS_HEADER_LIMIT ((size_t)100000000) /* bytes, as in the reference reader */
#define SAFETENSORS_TENSOR_LIMIT ((size_t)65536)
#define SAFETENSORS_RANK_LIMIT 8

struct safetensors;

/* Everything belongs to the struct safetensors. */
struct safetensors_tensor {
	const char *name;
	const char *path; /* of the file that holds it */
	enum dtype dtype;
	size_t rank, shape[SAFETENSORS_RANK_LIMIT];
	const unsigned char *data; /* (shape) elements, row-major, at any alignment */
	size_t elements, bytes;
};

/* Reads and checks one file's header; the data is mapped and not touched.
 * Errors: CLIPCLS_ERR_IO, _FORMAT, _UNSUPPORTED (a dtype without a known size), _MEMORY; messages
 * name the file, and the tensor where there is one. On error *out is NULL. */
clipcls_status safetensors_open(struct safetensors **out, const char *path, clipcls_error *error);
/* The same for bytes in memory, which must outlive *out; `name` stands for the path. */
clipcls_status safetensors_open_memory(struct safetensors **out, const void *bytes, size_t size,
                                       const char *name, clipcls_error *error);
/* Shards named by an index file's "weight_map", all in the index's directory. Index and shards
 * must agree on every tensor. */
clipcls_status safetensors_open_index(struct safetensors **out, const char *path,
                                      clipcls_error *error);
void safetensors_free(struct safetensors *file);

size_t safetensors_count(const struct safetensors *file);
const struct safetensors_tensor *safetensors_at(const struct safetensors *file, size_t index);
/* NULL when there is none. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);
/* The tensor's data, where it is mapped, leaves this process's memory until it is next read. */
void safetensors_forget(const struct safetensors *file, const struct safetensors_tensor *tensor);
/* Place of a tensor in safetensors_at's order. */
size_t safetensors_index(const struct safetensors *file, const struct safetensors_tensor *tensor);

/* The file's path; of shards, their index's. */
const char *safetensors_path(const struct safetensors *file);
/* A string of the first file's __metadata__; NULL when there is none. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);
/* Bytes of all files. */
uint64_t safetensors_file_bytes(const struct safetensors *file);

/* Appends what tells these tensors from any others: of each file its identity and its header's
 * hash; bytes in memory have the header alone. Tensors are not touched. */
void safetensors_identity(struct buffer *out, const struct safetensors *file);
/* Whether what was read so far can be trusted: file_map_intact of each file that is mapped. */
clipcls_status safetensors_intact(const struct safetensors *file, clipcls_error *error);
/* What became of reading the file (NULL: it was not opened): `status`, or what safetensors_intact
 * says, since that is then the reason why something in it made no sense. */
clipcls_status safetensors_outcome(const struct safetensors *file, clipcls_status status,
                                   clipcls_error *error);
/* Whether the files' paths still name what was opened, unchanged. */
bool safetensors_unchanged(const struct safetensors *file);

#endif
