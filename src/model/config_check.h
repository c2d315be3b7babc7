/* Whether the sizes of a config fit each other. */
#ifndef CLIPCLS_MODEL_CONFIG_CHECK_H
#define CLIPCLS_MODEL_CONFIG_CHECK_H

#include "base/error.h"
#include "model/config.h"

/* Every size in range, heads divide width, at least one patch fits, preprocessing gives pictures
 * of the image tower's size. CLIPCLS_ERR_FORMAT or _UNSUPPORTED; messages name `path`, or
 * preprocess_path where preprocessing is at fault. */
clipcls_status model_config_check(const struct model_config *config, const char *path,
                                  const char *preprocess_path, clipcls_error *error);

#endif
