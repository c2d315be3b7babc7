/* From options to the library's objects: which model, which labels, which templates. */
#ifndef CLIPCLS_CLI_SOURCES_H
#define CLIPCLS_CLI_SOURCES_H

#include "cli/cli.h"

/* -m, else CLIPCLS_MODEL, else NULL for the built-in model. */
const char *sources_model(const struct options *options);

/* Whether -l or -L was given. */
bool sources_name_labels(const struct options *options);

/* Whether -t or --templates was given. */
bool sources_name_templates(const struct options *options);

/* All labels of -l and -L, in this order. On error *out is NULL. */
clipcls_status sources_labels(clipcls_labels **out, const struct options *options,
                              clipcls_error *error);
/* All templates of --templates and -t; "simple" when there are none. On error *out is NULL. */
clipcls_status sources_templates(clipcls_templates **out, const struct options *options,
                                 clipcls_error *error);

#endif
