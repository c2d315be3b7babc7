/* --shard I/N: one of N machines' part of the inputs. Machines that list the same pictures share
 * them out without a word to each other: a picture's path alone says whose it is. */
#ifndef CLIPCLS_CLI_INPUT_SHARD_H
#define CLIPCLS_CLI_INPUT_SHARD_H

#include "cli/cli.h"

#define SHARD_LIMIT 1000000 /* shards at most */

/* Reads "I/N", 1 <= I <= N <= SHARD_LIMIT. False, with *shard as it was, for anything else. */
bool shard_parse(struct shard *shard, const char *text);

/* Whether a picture of this path is one of the shard's: XXH3 (64 bits, seed 0) of the path's bytes,
 * without its NUL, modulo N is I - 1. The path is the one that the picture's record has. Results of
 * different releases are put together by it: it never changes. */
bool shard_has(const struct shard *shard, const char *path);

#endif
