/* The image processor of a Hugging Face directory. */
#ifndef CLIPCLS_MODEL_HUGGINGFACE_PREPROCESS_H
#define CLIPCLS_MODEL_HUGGINGFACE_PREPROCESS_H

#include "base/error.h"
#include "model/config.h"

/* Reads the image_processor entry of processor_config.json, else preprocessor_config.json, in the
 * reference's order; with neither file the defaults for a tower of image_size pixels. processor:
 * the name of the one that a file which names none is for. *path becomes the file's path
 * (allocated), for messages. */
clipcls_status huggingface_preprocess_read(struct preprocess_config *out, char **path,
                                           const char *directory, const char *processor,
                                           size_t image_size, clipcls_error *error);

#endif
