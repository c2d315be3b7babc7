/* The default model, linked into the library. */
#ifndef CLIPCLS_MODEL_BUILTIN_H
#define CLIPCLS_MODEL_BUILTIN_H

#include <stddef.h>

#define BUILTIN_MODEL_NAME "built-in model" /* stands for a path in messages */

/* The bytes of models/default.safetensors, for checkpoint_open_memory. */
const void *builtin_model(size_t *size);

#endif
