/* What clipcls eval says: a table for people, or JSON. */
#ifndef CLIPCLS_CLI_COMMAND_EVAL_PRINT_H
#define CLIPCLS_CLI_COMMAND_EVAL_PRINT_H

#include "cli/labelled/tally.h"
#include "base/buffer.h"

enum exit_code eval_print_text(const struct dataset *dataset, const clipcls_labels *labels,
                               const struct tally *tally, bool escape);
/* Appends the figures as JSON. */
void eval_json(struct buffer *out, const struct dataset *dataset, const clipcls_labels *labels,
               const struct tally *tally);
enum exit_code eval_print_json(const struct dataset *dataset, const clipcls_labels *labels,
                               const struct tally *tally);

#endif
