/* The manual page and the completion scripts: what stands in them comes from the tables of commands
 * and options, around it are the texts of this folder. Each appends to `out`, whose failure is for
 * the caller to see. */
#ifndef CLIPCLS_CLI_MANUAL_MANUAL_H
#define CLIPCLS_CLI_MANUAL_MANUAL_H

#include "base/buffer.h"

void man_page(struct buffer *out); /* clipcls(1) in mdoc(7) */
void completion_bash(struct buffer *out);
void completion_zsh(struct buffer *out);
void completion_fish(struct buffer *out);

#endif
