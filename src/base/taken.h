/* What one thread has at a time, of several that there are enough of: taking waits for nothing. */
#ifndef CLIPCLS_BASE_TAKEN_H
#define CLIPCLS_BASE_TAKEN_H

#include <stdatomic.h>
#include <stdbool.h>

/* false where another thread has it. */
static inline bool taken_try(atomic_bool *taken)
{
	return !atomic_load_explicit(taken, memory_order_relaxed) &&
	       !atomic_exchange_explicit(taken, true, memory_order_acquire);
}

static inline void taken_give(atomic_bool *taken)
{
	atomic_store_explicit(taken, false, memory_order_release);
}

#endif
