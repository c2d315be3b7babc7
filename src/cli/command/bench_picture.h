/* The picture file that clipcls bench measures with, and small things of bench's own. */
#ifndef CLIPCLS_CLI_COMMAND_BENCH_PICTURE_H
#define CLIPCLS_CLI_COMMAND_BENCH_PICTURE_H

#include "cli/cli.h"

#include <stdint.h>

/* A picture of random pixels as a PNM file: hardly anything to decode, but a resize. *bytes is
 * allocated. */
clipcls_status bench_picture_make(char **bytes, size_t *out_size, clipcls_error *error);
/* The bytes of a file, or of stdin for "-". */
clipcls_status bench_picture_read(char **bytes, size_t *size, const char *path,
                                  clipcls_error *error);

uint8_t bench_random(uint32_t *state);

#endif
