#include "base/pool.h"

#include "base/memory.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* A worker's own tasks are a stretch of neighbours, the same one for the same number of tasks: what
 * a task left in the worker's cache, the same task of the next job finds there. */
struct worker {
	struct pool *pool;
	pthread_t thread;
	size_t index;
	size_t end;
	_Atomic size_t next;     /* the first of its tasks that nobody has taken yet */
	unsigned char apart[64]; /* another worker's `next` is on another cache line */
};

struct pool {
	struct worker *workers; /* [0] is the caller and has no thread of its own */
	size_t threads;         /* workers that run, the caller included */
	pthread_mutex_t mutex;
	pthread_cond_t start, done;
	/* The job in hand; changed under the mutex while no worker runs, and published by `job`. */
	pool_fn run;
	void *context;
	_Atomic size_t job;     /* number of the job, so that a worker sees a new one */
	_Atomic size_t running; /* threads that have not finished the job yet */
	_Atomic bool stopping;
};

/* Jobs of a forward pass follow each other within microseconds, less than it takes to wake a
 * sleeping thread: who waits looks again for some tens of microseconds before going to sleep. */
#define LOOKS 1000

static inline void pause_a_moment(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Its own tasks first, then what others have left. */
static void work(struct pool *pool, size_t worker)
{
	for (size_t i = 0; i < pool->threads; i++) {
		struct worker *owner = &pool->workers[(worker + i) % pool->threads];
		for (size_t task; (task = atomic_fetch_add(&owner->next, 1)) < owner->end;)
			pool->run(pool->context, task, worker);
	}
}

static bool has_news(const struct pool *pool, size_t seen)
{
	return atomic_load_explicit(&pool->job, memory_order_acquire) != seen ||
	       atomic_load_explicit(&pool->stopping, memory_order_acquire);
}

static void wait_for_news(struct pool *pool, size_t seen)
{
	for (size_t i = 0; i < LOOKS; i++) {
		if (has_news(pool, seen))
			return;
		pause_a_moment();
	}
	pthread_mutex_lock(&pool->mutex);
	while (!has_news(pool, seen))
		pthread_cond_wait(&pool->start, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument)
{
	struct worker *worker = argument;
	struct pool *pool = worker->pool;
	size_t seen = 0;
	for (;;) {
		wait_for_news(pool, seen);
		if (atomic_load(&pool->stopping))
			return NULL;
		seen = atomic_load(&pool->job);
		work(pool, worker->index);
		if (atomic_fetch_sub(&pool->running, 1) == 1) {
			/* Under the mutex, so that the caller is either asleep or has not looked yet. */
			pthread_mutex_lock(&pool->mutex);
			pthread_cond_signal(&pool->done);
			pthread_mutex_unlock(&pool->mutex);
		}
	}
}

static void wait_until_done(struct pool *pool)
{
	for (size_t i = 0; i < LOOKS; i++) {
		if (atomic_load_explicit(&pool->running, memory_order_acquire) == 0)
			return;
		pause_a_moment();
	}
	pthread_mutex_lock(&pool->mutex);
	while (atomic_load(&pool->running) > 0)
		pthread_cond_wait(&pool->done, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
}

size_t pool_default_threads(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) != 0)
		return 1;
	int n = CPU_COUNT(&set);
	return n > 0 ? (size_t)n : 1;
}

clipcls_status pool_new(struct pool **out, size_t threads, clipcls_error *error)
{
	*out = NULL;
	if (threads == 0)
		threads = pool_default_threads();
	struct pool *pool = memory_new(1, sizeof *pool);
	if (pool == NULL)
		return error_memory(error);
	pool->workers = memory_new(threads, sizeof *pool->workers);
	if (pool->workers == NULL) {
		free(pool);
		return error_memory(error);
	}
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->start, NULL);
	pthread_cond_init(&pool->done, NULL);
	/* Where the system refuses more threads, the pool is smaller; the results are the same. */
	for (pool->threads = 1; pool->threads < threads; pool->threads++) {
		struct worker *worker = &pool->workers[pool->threads];
		*worker = (struct worker){ .pool = pool, .index = pool->threads };
		if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
			break;
	}
	*out = pool;
	return CLIPCLS_OK;
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->mutex);
	atomic_store(&pool->stopping, true);
	pthread_cond_broadcast(&pool->start);
	pthread_mutex_unlock(&pool->mutex);
	for (size_t i = 1; i < pool->threads; i++)
		pthread_join(pool->workers[i].thread, NULL);
	pthread_cond_destroy(&pool->done);
	pthread_cond_destroy(&pool->start);
	pthread_mutex_destroy(&pool->mutex);
	free(pool->workers);
	free(pool);
}

size_t pool_threads(const struct pool *pool)
{
	return pool == NULL ? 1 : pool->threads;
}

void pool_run(struct pool *pool, size_t n, pool_fn run, void *context)
{
	if (pool == NULL || pool->threads == 1 || n <= 1) {
		for (size_t task = 0; task < n; task++)
			run(context, task, 0);
		return;
	}
	pthread_mutex_lock(&pool->mutex);
	pool->run = run;
	pool->context = context;
	for (size_t i = 0; i < pool->threads; i++) {
		atomic_store(&pool->workers[i].next, i * n / pool->threads);
		pool->workers[i].end = (i + 1) * n / pool->threads;
	}
	atomic_store(&pool->running, pool->threads - 1);
	atomic_fetch_add(&pool->job, 1);
	pthread_cond_broadcast(&pool->start);
	pthread_mutex_unlock(&pool->mutex);
	work(pool, 0);
	wait_until_done(pool);
}
