/* Parts of a whole, for reports. */
#ifndef CLIPCLS_CLI_SHARE_H
#define CLIPCLS_CLI_SHARE_H

#include <stddef.h>

/* 0 of nothing. */
static inline double share(size_t part, size_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

#endif
