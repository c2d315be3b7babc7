/* Work on hostile bytes, in processes that can do nothing else.
 *
 * A keeper process is forked before there are threads or much memory; it forks the workers, now and
 * when one has to be replaced. A worker gets a descriptor to read from, and puts its result into
 * memory that it shares with us. One that crashes, hangs or eats memory costs its own job. */
#ifndef CLIPCLS_JAIL_JAIL_H
#define CLIPCLS_JAIL_JAIL_H

#include "base/error.h"
#include "jail/confine.h"

struct jail;

/* A job, in a worker: reads `fd`, fills `out`. context: as it was when the jail was made. */
typedef clipcls_status (*jail_fn)(void *out, int fd, const void *job, const void *context,
                                  clipcls_error *error);

struct jail_spec {
	jail_fn run;
	const void *context;
	size_t workers;
	size_t out_bytes, job_bytes; /* out_bytes: of the largest result */
	size_t memory;               /* bytes that a worker may allocate */
	double seconds;              /* that a job may take */
};

/* Forks the keeper. CLIPCLS_ERR_UNSUPPORTED when the system gives no process or no memory for it.
 * On error *out is NULL. */
clipcls_status jail_new(struct jail **out, const struct jail_spec *spec, clipcls_error *error);
void jail_free(struct jail *jail);

/* What protects the workers (CONFINED_*), as the first one found out. CLIPCLS_ERR_UNSUPPORTED when
 * there can be no worker. */
clipcls_status jail_protection(unsigned *out, struct jail *jail, clipcls_error *error);

/* Gives a job to a worker and waits; different threads use different workers. out: the first
 * `out_bytes` of its result.   job: (job_bytes). The error of the job, or CLIPCLS_ERR_DECODE when
 * the worker ended, CLIPCLS_ERR_LIMIT when it took too long; the next job finds a new one. Messages
 * begin with `name`. */
clipcls_status jail_run(void *out, size_t out_bytes, struct jail *jail, size_t worker, int fd,
                        const void *job, const char *name, clipcls_error *error);

#endif
