/* Keeping a cache within its limit. Internal to the disk cache. */
#ifndef CLIPCLS_BASE_DISK_CACHE_TRIM_H
#define CLIPCLS_BASE_DISK_CACHE_TRIM_H

#include "base/disk_cache.h"

#define DISK_CACHE_SUFFIX ".entry"

/* Deletes the entries that were not used for longest until the others are within the limit, but
 * not `kept` (a path), and what processes that were killed while writing left behind. A cache that
 * cannot be trimmed stays as it is: it works all the same. */
void disk_cache_trim(const struct disk_cache *cache, const char *kept);

#endif
