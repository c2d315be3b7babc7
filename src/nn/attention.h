/* Multi-head attention over token rows: softmax(q kᵀ / sqrt(Dh)) v. Vaswani et al. 2017, 3.2. */
#ifndef CLIPCLS_NN_ATTENTION_H
#define CLIPCLS_NN_ATTENTION_H

#include "base/pool.h"

#include <stddef.h>
#include <stdint.h>

/* D width, H heads, Dh = D/H. Which rows a row attends to:
 * - tokens > 0: rows stand in sequences of `tokens` each, every token sees its whole sequence;
 * - tokens == 0: rows form a forest, each sees its ancestors and itself. parents[row] < row is the
 *   row before it in its prompt, or ATTENTION_ROOT; a chain is at most max_depth rows long. */
#define ATTENTION_ROOT UINT32_MAX
struct attention_rows {
	size_t count;
	size_t tokens;
	const uint32_t *parents; /* (count) */
	size_t max_depth;
};

/* out: (queries, D).   q: (queries, D).   k, v: (rows->count, D).
 * query_rows: (queries), ascending, the row of each query; NULL = a query for every row. For
 * sequences there must be equally many queries in each.
 * scratch: attention_scratch() floats. Heads are shared out over `pool` (may be NULL). */
void attention(float *out, const float *q, const float *k, const float *v,
               const struct attention_rows *rows, const uint32_t *query_rows, size_t queries,
               size_t D, size_t H, float *scratch, struct pool *pool);
/* Floats of scratch for a pool of `threads`. */
size_t attention_scratch(const struct attention_rows *rows, size_t Dh, size_t threads);

#endif
