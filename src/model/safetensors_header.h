/* The header of one safetensors file. */
#ifndef CLIPCLS_MODEL_SAFETENSORS_HEADER_H
#define CLIPCLS_MODEL_SAFETENSORS_HEADER_H

#include "model/safetensors.h"

struct safetensors_header {
	json *json; /* owns the tensors' names */
	struct safetensors_tensor *tensors;
	size_t count;
	size_t bytes; /* of the header in the file, its length included */
};

/* bytes: a whole file, borrowed; path: borrowed, too, it becomes the tensors' path. Errors as for
 * safetensors_open; on error *out is empty. */
clipcls_status safetensors_header_parse(struct safetensors_header *out, const unsigned char *bytes,
                                        size_t size, const char *path, clipcls_error *error);
void safetensors_header_free(struct safetensors_header *header);

#endif
