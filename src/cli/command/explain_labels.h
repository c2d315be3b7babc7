/* clipcls --explain-labels without pictures: labels that are nearly the same to a model. */
#ifndef CLIPCLS_CLI_COMMAND_EXPLAIN_LABELS_H
#define CLIPCLS_CLI_COMMAND_EXPLAIN_LABELS_H

#include "cli/cli.h"

enum exit_code explain_labels(const struct options *options);

#endif
