/* Writing safetensors files: tensors one behind the other, their data at a multiple of
 * SAFETENSORS_ALIGNMENT. */
#ifndef CLIPCLS_MODEL_SAFETENSORS_WRITE_H
#define CLIPCLS_MODEL_SAFETENSORS_WRITE_H

#include "model/safetensors.h"

#define SAFETENSORS_ALIGNMENT 64

/* A string of __metadata__. */
struct safetensors_pair {
	const char *key, *value;
	size_t size; /* of the value; 0 = up to its NUL */
};

/* A file's header: what it says of tensors is name, dtype, shape and bytes, of which the data
 * follows in this order without holes. */
struct safetensors_layout {
	const struct safetensors_pair *metadata;
	size_t pairs;
	const struct safetensors_tensor *tensors;
	size_t count;
};

/* Appends the length and the header, with which a file begins; out->failed when memory is out. */
void safetensors_write_header(struct buffer *out, const struct safetensors_layout *layout);

/* Fills a tensor of up to two dimensions; columns = 0: a vector of `rows` elements. */
struct safetensors_tensor safetensors_tensor_of(const char *name, enum dtype dtype, size_t rows,
                                                size_t columns, const void *data);

/* Writes the whole file, which takes its name when all is written. CLIPCLS_ERR_IO or _MEMORY;
 * messages start with the path. */
clipcls_status safetensors_write(const char *path, const struct safetensors_layout *layout,
                                 clipcls_error *error);

#endif
