/* Embeddings as rows: JSON lines, or NumPy's .npy format. */
#ifndef CLIPCLS_CLI_OUTPUT_VECTORS_H
#define CLIPCLS_CLI_OUTPUT_VECTORS_H

#include "base/output_file.h"
#include "cli/output/output.h"

#include <stdio.h>

struct vectors {
	bool npy;
	size_t E, rows;
	struct buffer line;      /* jsonl */
	struct output_file file; /* npy into a file: under its name when all is written */
	bool named;              /* there is such a file */
	FILE *spool;             /* npy to stdout: the header, which comes first, has the count */
};

/* path: where to; NULL = stdout. False after a message. vectors_close whatever it returns. */
bool vectors_open(struct vectors *vectors, bool npy, const char *path, size_t E);
/* kind: "path" or "label".   row: (E). False when it could not be written, which was said or
 * output_finish says. */
bool vectors_row(struct vectors *vectors, const char *kind, const char *name, const float *row);
/* In place of a row: jsonl has the reason, npy NaN in every column. */
bool vectors_failed(struct vectors *vectors, const clipcls_record *record);
/* Ends the output. */
bool vectors_finish(struct vectors *vectors);
void vectors_close(struct vectors *vectors);

#endif
