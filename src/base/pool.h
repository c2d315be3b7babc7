/* One pool of threads for everything that runs in parallel. */
#ifndef CLIPCLS_BASE_POOL_H
#define CLIPCLS_BASE_POOL_H

#include "base/error.h"

struct pool;

/* `task` runs from 0 to n - 1; `worker` (0 .. pool_threads - 1) names per-thread scratch. */
typedef void (*pool_fn)(void *context, size_t task, size_t worker);

/* threads = 0: as many as the process may run on. The calling thread is worker 0. */
clipcls_status pool_new(struct pool **out, size_t threads, clipcls_error *error);
void pool_free(struct pool *pool);
size_t pool_threads(const struct pool *pool); /* 1 for NULL */
/* As many as the process may run on. */
size_t pool_default_threads(void);

/* Runs n tasks on all workers and returns when the last is done. Each task runs exactly once, in no
 * order. pool = NULL runs them in the calling thread. Not to be called from a task. */
void pool_run(struct pool *pool, size_t n, pool_fn run, void *context);

#endif
