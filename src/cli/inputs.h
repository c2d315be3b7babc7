/* The inputs of a run, one after another: operands, walked directories, lists, stdin. */
#ifndef CLIPCLS_CLI_INPUTS_H
#define CLIPCLS_CLI_INPUTS_H

#include "cli/cli.h"

#include <stdio.h>

struct walk; /* one open directory; see walk.h */

struct inputs {
	const struct options *options;
	size_t next_operand;
	FILE *list;        /* --files-from */
	struct walk *walk; /* the innermost open directory, or NULL */
	bool failed;       /* out of memory, or the list could not be read: said on stderr */
};

/* Opens the list. False after a message. */
bool inputs_open(struct inputs *inputs, const struct options *options);
/* The next input; its path (and the bytes of "-") are allocated and go to inputs_release. */
bool inputs_next(struct inputs *inputs, clipcls_input *out);
void inputs_release(const clipcls_input *input);
void inputs_close(struct inputs *inputs);
/* Exactly one image named on the command line: no directory, no list. */
bool inputs_single(const struct options *options);

#endif
