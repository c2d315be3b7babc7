/* Which keys of an OpenCLIP config are understood. */
#ifndef CLIPCLS_MODEL_OPENCLIP_KEYS_H
#define CLIPCLS_MODEL_OPENCLIP_KEYS_H

#include "model/config_reader.h"

enum openclip_section { OPENCLIP_MODEL, OPENCLIP_VISION, OPENCLIP_TEXT };

/* Fails the reader with CLIPCLS_ERR_UNSUPPORTED at the first key that would change the computation
 * in a way that is not built: one that is unknown, or known and not at its default. */
void openclip_check_keys(struct config_reader *section, enum openclip_section which);

#endif
