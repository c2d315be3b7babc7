/* The inputs of a run, one after another: operands, walked directories, lists, streams, stdin. */
#ifndef CLIPCLS_CLI_INPUT_INPUTS_H
#define CLIPCLS_CLI_INPUT_INPUTS_H

#include "cli/cli.h"
#include "cli/input/frames.h"
#include "cli/input/path_list.h"

struct walk; /* one open directory; see walk.h */

struct inputs {
	const struct options *options;
	size_t next_operand;
	struct path_list list; /* --files-from */
	struct frames frames;  /* --stream */
	struct walk *walk;     /* the innermost open directory, or NULL */
	bool counting;         /* paths alone are wanted: stdin is not read */
	bool failed; /* out of memory, or a list or stream could not be read: said on stderr */
};

/* Whether the options name pictures. */
bool inputs_named(const struct options *options);
/* Whether they name stdin once at most. False after a message. */
bool inputs_share_stdin(const struct options *options);
/* Both. False after a message. */
bool inputs_make_sense(const struct options *options);
/* Opens list and stream. False after a message. */
bool inputs_open(struct inputs *inputs, const struct options *options);
/* The next input; its path (and the bytes of "-" and of frames) are allocated and go to
 * inputs_release. Returns CLIPCLS_NEXT_GIVEN, _END, or, without `wait`, _LATER where a list or
 * stream has nothing more for now. */
int inputs_next(struct inputs *inputs, clipcls_input *out, bool wait);
/* How many inputs a run will have; 0 where that cannot be told before they are read. */
size_t inputs_count(const struct options *options);
void inputs_release(const clipcls_input *input);
void inputs_close(struct inputs *inputs);
/* Exactly one image named on the command line: no directory, no list. */
bool inputs_single(const struct options *options);

#endif
