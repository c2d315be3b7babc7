/* The rows most similar to some queries, by brute force.
 *
 * Blocks of rows are shared out over the pool, or, where there are few, blocks of queries. A float
 * product finds what may be among the best, and whatever comes within its error of the worst one
 * kept is computed again in double: what is kept, and in which order, is what the doubles say. */
#include "classify/model.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/blas.h"
#include "nn/dot_rows.h"
#include "nn/ops.h"

#include <stdlib.h>

/* Rows of one task: with 512 floats each, about what a second-level cache holds. */
#define BLOCK_ROWS 1024
/* Queries of one pass over the rows. */
#define MOST_QUERIES 256
/* Queries of one task, where these are shared out. */
#define BLOCK_QUERIES 64
/* Up to here a product that reads the rows where they are is faster than one that packs them. */
#define FEW_QUERIES 4

/* One query's best so far, of one worker: a heap with the worst on top. */
struct best {
	clipcls_hit *hits; /* (most) */
	size_t count;
};

struct search {
	const float *rows, *queries; /* (n, E), (n_queries, E) */
	size_t n, n_queries, most, E;
	double slack;       /* a float product of unit vectors is off by less */
	bool by_queries;    /* shared out by queries: each has one heap, that of worker 0 */
	float *scores;      /* (workers, at most MOST_QUERIES, BLOCK_ROWS) */
	struct best *bests; /* (workers, n_queries) */
	clipcls_hit *hits;  /* (workers, n_queries, most) */
};

/* Whether a comes before b in the ranking. */
static bool before(const clipcls_hit *a, const clipcls_hit *b)
{
	if (a->similarity != b->similarity)
		return a->similarity > b->similarity;
	return a->index < b->index;
}

static int compare(const void *a, const void *b)
{
	return before(a, b) ? -1 : 1; /* no two rows are equal */
}

/* Restores the heap below `at`, where a better hit has taken the place of one. */
static void sift_down(struct best *best, size_t at)
{
	clipcls_hit hit = best->hits[at];
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= best->count)
			break;
		if (child + 1 < best->count && before(&best->hits[child], &best->hits[child + 1]))
			child++;
		if (!before(&hit, &best->hits[child]))
			break;
		best->hits[at] = best->hits[child];
		at = child;
	}
	best->hits[at] = hit;
}

static void sift_up(struct best *best, size_t at)
{
	clipcls_hit hit = best->hits[at];
	while (at > 0 && before(&best->hits[(at - 1) / 2], &hit)) {
		best->hits[at] = best->hits[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	best->hits[at] = hit;
}

static void offer(struct best *best, size_t most, clipcls_hit hit)
{
	if (best->count < most) {
		best->hits[best->count++] = hit;
		sift_up(best, best->count - 1);
	} else if (before(&hit, &best->hits[0])) {
		best->hits[0] = hit;
		sift_down(best, 0);
	}
}

/* Queries [query, query + Q) over the rows of one block, into the heaps of `owner`. */
static void search_block(const struct search *search, size_t block, size_t query, size_t Q,
                         size_t owner, float *scores)
{
	size_t first = block * BLOCK_ROWS, E = search->E;
	size_t rows = size_min(BLOCK_ROWS, search->n - first);
	/* A query's scores lie together, to be run through. */
	const struct blas_product product = { .m = Q,
		                                  .n = rows,
		                                  .k = E,
		                                  .a = search->queries + query * E,
		                                  .a_stride = E,
		                                  .b = search->rows + first * E,
		                                  .b_stride = E,
		                                  .c = scores,
		                                  .c_stride = BLOCK_ROWS };
	if (Q <= FEW_QUERIES)
		dot_rows_multiply_transposed(&product);
	else
		blas_multiply_transposed(&product);
	for (size_t q = 0; q < Q; q++) {
		struct best *best = &search->bests[owner * search->n_queries + query + q];
		for (size_t i = 0; i < rows; i++) {
			if (best->count == search->most &&
			    !(scores[q * BLOCK_ROWS + i] + search->slack >= best->hits[0].similarity))
				continue;
			double similarity = dot_double(product.b + i * E, product.a + q * E, E);
			offer(best, search->most, (clipcls_hit){ first + i, similarity });
		}
	}
}

static size_t row_blocks(const struct search *search)
{
	return (search->n + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

static void run_task(void *context, size_t task, size_t worker)
{
	const struct search *search = context;
	float *scores = search->scores + worker * MOST_QUERIES * BLOCK_ROWS;
	if (!search->by_queries) {
		search_block(search, task, 0, search->n_queries, worker, scores);
		return;
	}
	size_t first = task * BLOCK_QUERIES;
	size_t Q = size_min(BLOCK_QUERIES, search->n_queries - first);
	for (size_t block = 0; block < row_blocks(search); block++)
		search_block(search, block, first, Q, 0, scores);
}

/* All owners' best of one query. */
static void merge(clipcls_hit *out, const struct search *search, size_t query, size_t owners)
{
	struct best all = { .hits = out };
	for (size_t owner = 0; owner < owners; owner++) {
		const struct best *best = &search->bests[owner * search->n_queries + query];
		for (size_t i = 0; i < best->count; i++)
			offer(&all, search->most, best->hits[i]);
	}
	qsort(out, all.count, sizeof *out, compare);
}

static clipcls_status search_some(clipcls_hit *hits, struct search *search, struct pool *pool,
                                  clipcls_error *error)
{
	size_t workers = pool_threads(pool), owners = search->by_queries ? 1 : workers;
	size_t Q = search->n_queries, room;
	size_t tasks =
	    search->by_queries ? (Q + BLOCK_QUERIES - 1) / BLOCK_QUERIES : row_blocks(search);
	clipcls_status status = CLIPCLS_OK;
	search->bests = memory_new(Q, owners * sizeof *search->bests);
	search->scores = memory_floats(workers * MOST_QUERIES * BLOCK_ROWS);
	search->hits =
	    size_mul(owners * Q, search->most, &room) ? memory_new(room, sizeof *search->hits) : NULL;
	if (search->bests == NULL || search->scores == NULL || search->hits == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	for (size_t i = 0; i < owners * Q; i++)
		search->bests[i].hits = search->hits + i * search->most;
	pool_run(pool, tasks, run_task, search);
	for (size_t q = 0; q < Q; q++)
		merge(hits + q * search->most, search, q, owners);
cleanup:
	free(search->bests);
	free(search->scores);
	free(search->hits);
	return status;
}

clipcls_status clipcls_search(clipcls_hit *hits, clipcls_model *model, const float *rows, size_t n,
                              const float *queries, size_t n_queries, size_t most,
                              clipcls_error *error)
{
	size_t E = clipcls_model_embedding_size(model);
	struct search search = { .rows = rows,
		                     .n = n,
		                     .most = size_min(most, n),
		                     .E = E,
		                     /* E roundings of 2^-24 of a sum of absolute values, which is 1 at
		                      * most; twice, for good measure. */
		                     .slack = (double)E * 0x1p-23 };
	clipcls_status status = CLIPCLS_OK;
	search.by_queries = row_blocks(&search) < pool_threads(model->pool);
	size_t step = search.by_queries ? n_queries : MOST_QUERIES;
	if (search.most == 0)
		return CLIPCLS_OK;
	for (size_t first = 0; status == CLIPCLS_OK && first < n_queries; first += step) {
		search.queries = queries + first * E;
		search.n_queries = size_min(step, n_queries - first);
		status = search_some(hits + first * search.most, &search, model->pool, error);
	}
	return status;
}
