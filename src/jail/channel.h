/* Messages of fixed length between processes, each with at most one file descriptor. */
#ifndef CLIPCLS_JAIL_CHANNEL_H
#define CLIPCLS_JAIL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

/* Two connected ends, closed on exec. */
bool channel_open(int ends[2]);
/* fd: goes with the message; -1 = none. False when the other end is gone. */
bool channel_send(int end, const void *bytes, size_t n, int fd);
/* A message of n bytes. *fd (may be NULL: then none is expected) becomes what came with it, or -1.
 * False when the other end is gone, or sent something else. */
bool channel_receive(int end, void *bytes, size_t n, int *fd);
/* Whether there is something to receive within this time, the end of the other side included. If
 * not, errno says why: ETIMEDOUT, or that waiting is impossible. */
bool channel_wait(int end, double seconds);

#endif
