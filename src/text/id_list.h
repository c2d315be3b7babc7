/* A growing list of token ids. Errors stick, as in base/buffer.h. */
#ifndef CLIPCLS_TEXT_ID_LIST_H
#define CLIPCLS_TEXT_ID_LIST_H

#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise; `ids` is freed by the owner. */
struct id_list {
	int32_t *ids;
	size_t count, capacity;
	bool failed;
};

static inline void id_list_add(struct id_list *list, int32_t id)
{
	int32_t *grown = memory_grow(list->ids, &list->capacity, list->count + 1, sizeof *grown);
	if (grown == NULL) {
		list->failed = true;
		return;
	}
	list->ids = grown;
	grown[list->count++] = id;
}

#endif
