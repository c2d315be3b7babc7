/* Names in the columns of a table for people. */
#ifndef CLIPCLS_CLI_OUTPUT_CELL_H
#define CLIPCLS_CLI_OUTPUT_CELL_H

#include "base/buffer.h"

/* Columns of a terminal. */
int cell_columns(const char *text);
/* Raises *width to that of the text. */
void cell_widen(int *width, const char *text);
/* Appends the text, filled up to `width` columns. escape: controls are shown as escapes. */
void cell_put(struct buffer *out, const char *text, int width, bool escape);

#endif
