/* What a target does with the tensors of a file that was accepted. */
#ifndef CLIPCLS_TESTS_FUZZ_TENSORS_H
#define CLIPCLS_TESTS_FUZZ_TENSORS_H

#include "model/safetensors.h"

#include <stdlib.h>

/* Each is found by its name, and both ends of its data can be read. */
static inline void fuzz_read_tensors(const struct safetensors *file)
{
	for (size_t i = 0; i < safetensors_count(file); i++) {
		const struct safetensors_tensor *tensor = safetensors_at(file, i);
		if (safetensors_find(file, tensor->name) != tensor)
			abort();
		if (tensor->bytes > 0)
			(void)(*(const volatile unsigned char *)tensor->data +
			       *(const volatile unsigned char *)(tensor->data + tensor->bytes - 1));
	}
}

#endif
