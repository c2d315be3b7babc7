/* The model that is linked into the library: models/default.safetensors, byte for byte. */
#ifndef CLIPCLS_MODEL_BUILTIN_H
#define CLIPCLS_MODEL_BUILTIN_H

#include <stddef.h>

/* The file's bytes, aligned to 64; static memory. */
const void *builtin_model(size_t *size);

#endif
