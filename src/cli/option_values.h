/* Values of options. Each function says whether the value can be taken, after a message if not. */
#ifndef CLIPCLS_CLI_OPTION_VALUES_H
#define CLIPCLS_CLI_OPTION_VALUES_H

#include "cli/cli.h"

/* "--OPTION VALUE: WANTED"; returns false. */
bool bad_value(const char *option, const char *value, const char *wanted);

/* smallest: 0 or 1. */
bool parse_size(size_t *out, const char *option, const char *value, size_t smallest);
bool parse_probability(double *out, const char *option, const char *value);
bool parse_seconds(double *out, const char *option, const char *value);
/* `names`: NULL-terminated. The place of `value` among them goes into *out. */
bool parse_choice(int *out, const char *option, const char *value, const char *const *names);
bool parse_when(enum when *out, const char *option, const char *value);
/* white, black, gray, grey or #rrggbb, as the background. */
bool parse_color(clipcls_image_options *image, const char *option, const char *value);

#endif
