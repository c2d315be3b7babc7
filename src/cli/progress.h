/* One line on stderr that counts pictures, rewritten in place and gone at the end. */
#ifndef CLIPCLS_CLI_PROGRESS_H
#define CLIPCLS_CLI_PROGRESS_H

#include "cli/cli.h"

struct progress {
	bool shown;
	bool drawn; /* the line is on the screen */
	size_t count, failed;
	size_t total; /* inputs of the run; 0 = not known */
	double start, last;
};

/* auto: only when stderr is a terminal and the records do not go to one. */
void progress_begin(struct progress *progress, const struct options *options, bool stdout_terminal);
void progress_advance(struct progress *progress, bool failed);
/* Before anything else is printed to the terminal. */
void progress_erase(struct progress *progress);

#endif
