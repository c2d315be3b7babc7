/* Mapped files that become shorter. Reading what is no longer there ends a process by SIGBUS; under
 * guard it reads zeros, and the loss is kept for whoever asks. */
#ifndef CLIPCLS_BASE_MAP_GUARD_H
#define CLIPCLS_BASE_MAP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

struct guarded_map;

/* Puts a mapping of `size` bytes, which starts on a page, under guard. The first one installs a
 * handler of SIGBUS; a handler that was there before gets every signal that is about other memory.
 * NULL when memory is out or no handler can be installed. */
struct guarded_map *map_guard(const void *bytes, size_t size);
/* Before it is unmapped. `map` may be NULL. */
void map_guard_end(struct guarded_map *map);
/* Whether a part of it could not be read. */
bool map_guard_lost(const struct guarded_map *map);

#endif
