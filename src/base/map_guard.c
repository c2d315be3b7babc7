#include "base/map_guard.h"

#include "base/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* A list that only grows, so that a handler may walk it at any moment: what is no longer used is
 * taken again by the next mapping. begin = 0: not in use. */
struct guarded_map {
	_Atomic uintptr_t begin, end;
	atomic_bool lost;
	struct guarded_map *next;
};

static _Atomic(struct guarded_map *) maps;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all but the handler */
static struct sigaction before;
static bool installed;
static uintptr_t page_bytes; /* sysconf may not be called from a handler */

/* Zeros from the page of `address` to the end. They replace what could still be read there, too:
 * nothing of a file that was cut is of use. */
static bool put_zeros(struct guarded_map *map, uintptr_t address)
{
	uintptr_t begin = address / page_bytes * page_bytes;
	atomic_store(&map->lost, true);
	return mmap((void *)begin, atomic_load(&map->end) - begin, PROT_READ,
	            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static bool handled(uintptr_t address)
{
	for (struct guarded_map *map = atomic_load(&maps); map != NULL; map = map->next) {
		uintptr_t begin = atomic_load(&map->begin);
		if (begin != 0 && address >= begin && address < atomic_load(&map->end))
			return put_zeros(map, address);
	}
	return false;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	/* A signal that another process sent has no address. */
	if (info->si_code > 0 && handled((uintptr_t)info->si_addr))
		return;
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else {
		/* As if we were not here: the faulting read comes again, a sent signal by raise. */
		sigaction(SIGBUS, &before, NULL);
		if (info->si_code <= 0)
			raise(number);
	}
}

static bool install(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error,
		                        .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	installed = installed || sigaction(SIGBUS, &action, &before) == 0;
	return installed;
}

/* One that is not in use, or a new one. */
static struct guarded_map *take(void)
{
	struct guarded_map *map = atomic_load(&maps);
	while (map != NULL && atomic_load(&map->begin) != 0)
		map = map->next;
	if (map != NULL)
		return map;
	map = memory_new(1, sizeof *map);
	if (map == NULL)
		return NULL;
	map->next = atomic_load(&maps);
	atomic_store(&maps, map);
	return map;
}

struct guarded_map *map_guard(const void *bytes, size_t size)
{
	pthread_mutex_lock(&lock);
	struct guarded_map *map = install() ? take() : NULL;
	if (map != NULL) {
		atomic_store(&map->lost, false);
		atomic_store(&map->end,
		             ((uintptr_t)bytes + size + page_bytes - 1) / page_bytes * page_bytes);
		atomic_store(&map->begin, (uintptr_t)bytes);
	}
	pthread_mutex_unlock(&lock);
	return map;
}

void map_guard_end(struct guarded_map *map)
{
	if (map == NULL)
		return;
	pthread_mutex_lock(&lock);
	atomic_store(&map->begin, 0);
	pthread_mutex_unlock(&lock);
}

bool map_guard_lost(const struct guarded_map *map)
{
	return map != NULL && atomic_load(&map->lost);
}
