/* From a picture's file or bytes to the image tower's pixels, in a process of its own where the
 * model was opened with a sandbox. */
#ifndef CLIPCLS_CLASSIFY_DECODE_H
#define CLIPCLS_CLASSIFY_DECODE_H

#include "image/thumbnail.h"
#include "jail/jail.h"
#include "model/config.h"

#include "base/buffer.h"

#include <stdint.h>

/* Stands for the path in messages; taken off again, since a record has the path itself and a long
 * one would push the reason out of the message. */
#define DECODE_NAME "image"

/* What a picture becomes: pixels (S, S, 3), S = image_size, and behind them a thumbnail where the
 * options ask for one. */
size_t decode_bytes(size_t S, size_t thumbnail_size);
struct thumbnail *decode_thumbnail(uint8_t *rgb, size_t S);

/* CLIPCLS_ERR_ARGUMENT where no picture could be decoded so. options: may be NULL. */
clipcls_status decode_check_options(const clipcls_image_options *options, clipcls_error *error);

/* Makes the processes for `workers` threads. seconds: that a picture may take; pixels: of the
 * largest one. `config` must stay. As jail_new. */
clipcls_status decode_jail(struct jail **out, const struct model_config *config, size_t workers,
                           double seconds, size_t pixels, clipcls_error *error);

/* rgb: as decode_bytes says. jail: NULL = in this process. Errors as of reading a file and of
 * preprocess_picture, and as of jail_run; messages begin with DECODE_NAME. */
clipcls_status decode_picture(uint8_t *rgb, struct jail *jail, size_t worker,
                              const clipcls_input *input, const struct model_config *config,
                              const clipcls_image_options *options, clipcls_error *error);

/* Of such a message the reason alone, without the name before it. */
const char *decode_reason(const char *message);

/* Appends what protects decoding: "seccomp, landlock, memory limit", or why there is less. */
void decode_describe(struct buffer *out, unsigned protection);
/* The same, as a process that is made for it finds out; "none" where there can be none. */
void decode_describe_here(struct buffer *out);

#endif
