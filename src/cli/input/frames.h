/* Pictures that come one behind the other: the frames of a film, say. */
#ifndef CLIPCLS_CLI_INPUT_FRAMES_H
#define CLIPCLS_CLI_INPUT_FRAMES_H

#include "cli/cli.h"
#include "cli/input/reader.h"

struct frames {
	struct reader reader;
	const char *name; /* as given: "-" is stdin; NULL = closed */
	size_t count;     /* frames given so far */
	bool ended;
};

/* False, with errno set, when it cannot be opened. */
bool frames_open(struct frames *frames, const char *name);
void frames_close(struct frames *frames);

/* The next picture: its bytes and its path, NAME#1, NAME#2 and so on, both allocated. Returns
 * CLIPCLS_NEXT_GIVEN, _END, or, without `wait`, _LATER. Bytes behind which no next picture can be
 * found are given as one last frame, so that they become a record, and set *failed after a message,
 * as a read error does. */
int frames_next(struct frames *frames, clipcls_input *out, bool wait, bool *failed);

#endif
