/* What the library is given as a source of pictures: the inputs of a run, each kept until its
 * record has come. */
#ifndef CLIPCLS_CLI_INPUT_FEED_H
#define CLIPCLS_CLI_INPUT_FEED_H

#include "cli/input/inputs.h"

struct feed {
	struct inputs inputs;
	struct pending *first, *last; /* inputs given whose records have not come */
};

/* Whether an input needs no record. */
typedef bool (*feed_skip)(void *user, const clipcls_input *input);

/* False after a message. feed_close whatever it returns. */
bool feed_open(struct feed *feed, const struct options *options);
/* As clipcls_next_fn; leaves out what `skip` (may be NULL) says. While records are outstanding
 * nothing is waited for: a slow producer gets each one at once. */
int feed_next(struct feed *feed, clipcls_input *out, feed_skip skip, void *user);
/* The input whose record is due. */
const clipcls_input *feed_current(const struct feed *feed);
/* The record of the oldest input has come: it is let go. */
void feed_delivered(struct feed *feed);
/* Whether inputs could not be read, which was said on stderr. */
bool feed_failed(const struct feed *feed);
void feed_close(struct feed *feed);

#endif
