/* --resume: what an earlier run has written need not be done again. */
#ifndef CLIPCLS_CLI_INPUT_RESUME_H
#define CLIPCLS_CLI_INPUT_RESUME_H

#include "cli/cli.h"

struct resume;

/* Reads the records of a jsonl file; a file that is not there has none. A last line without its
 * line end was cut off while it was written: it does not count, and where stdout is that very file,
 * it is cut away. False after a message. */
bool resume_open(struct resume **out, const char *path);
void resume_free(struct resume *resume);
/* Whether the file has a record of this path. True also when that cannot be told, for want of
 * memory: *failed is set then, after a message. */
bool resume_has(const struct resume *resume, const char *path, bool *failed);

#endif
