/* Time that passes. */
#ifndef CLIPCLS_BASE_CLOCK_H
#define CLIPCLS_BASE_CLOCK_H

#include <time.h>

/* Seconds since some fixed moment; unaffected by changes of the wall clock. */
static inline double clock_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
