/* What the measuring functions share. */
#ifndef CLIPCLS_CLASSIFY_MEASURE_H
#define CLIPCLS_CLASSIFY_MEASURE_H

#include <time.h>

/* Seconds since some fixed moment; unaffected by changes of the wall clock. */
static inline double measure_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
