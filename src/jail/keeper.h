/* The processes behind a jail. */
#ifndef CLIPCLS_JAIL_KEEPER_H
#define CLIPCLS_JAIL_KEEPER_H

#include "jail/jail.h"

/* What a worker and its user share: the result of the job in hand. To the user nothing in it can be
 * trusted. */
struct cell {
	int status;
	char message[sizeof((clipcls_error *)0)->message];
	_Alignas(64) unsigned char out[];
};

struct cells {
	unsigned char *bytes; /* one behind the other, shared */
	size_t cell_bytes, count;
};

static inline struct cell *cells_at(const struct cells *cells, size_t i)
{
	return (struct cell *)(void *)(cells->bytes + i * cells->cell_bytes);
}

/* An order to the keeper: (re)place a worker. The answer is the order's number, with the worker's
 * end of a channel; none when there can be no process. */
struct order {
	size_t worker, number;
};
/* What a worker says first. */
struct hello {
	unsigned protection;
};

/* The keeper's life: ends when the other end of `channel` is gone. */
_Noreturn void keeper_serve(int channel, const struct jail_spec *spec, const struct cells *cells);

#endif
