/* The reports of clipcls eval that say what to change. `session` holds the labels where the
 * command line names none; the dataset loses the pictures that fail. */
#ifndef CLIPCLS_CLI_COMMAND_EVAL_H
#define CLIPCLS_CLI_COMMAND_EVAL_H

#include "cli/labelled/dataset.h"
#include "cli/session.h"

/* --suggest-templates: which templates help. */
enum exit_code eval_templates(struct session *session, struct dataset *dataset,
                              const struct options *options);
/* --explain-labels: what each label does to the error. */
enum exit_code eval_labels(struct session *session, struct dataset *dataset,
                           const struct options *options);

#endif
