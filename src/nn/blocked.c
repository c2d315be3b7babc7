#include "nn/blocked.h"

#include "base/checked.h"

#include <stdint.h>
#include <string.h>

bool blocked_floats(size_t *out, size_t n, size_t k)
{
	size_t padded_n, padded_k;
	return size_add(n, BLOCK - 1, &padded_n) && size_add(k, BLOCK - 1, &padded_k) &&
	       size_mul(padded_n / BLOCK * BLOCK, padded_k / BLOCK * BLOCK, out);
}

/* One column of blocks. Read along the rows of the weight, which are contiguous, written with a
 * stride inside one block, which stays in the nearest cache. */
static void fill_column(const struct blocked_job *job, size_t column)
{
	size_t depth = size_round_up(job->k, BLOCK), first = column * BLOCK;
	size_t columns = size_min(BLOCK, job->n - first);
	float *blocks = job->blocks + first * depth;
	for (size_t k = 0; k < job->k; k += BLOCK, blocks += BLOCK * BLOCK) {
		size_t height = size_min(BLOCK, job->k - k);
		if (columns < BLOCK || height < BLOCK)
			memset(blocks, 0, BLOCK * BLOCK * sizeof *blocks);
		for (size_t j = 0; j < columns; j++) {
			const float *row = job->weight + (first + j) * job->k + k;
			for (size_t i = 0; i < height; i++)
				blocks[i * BLOCK + j] = row[i];
		}
	}
}

static void fill_task(void *context, size_t task, size_t worker)
{
	const struct blocked_job *job = context;
	(void)worker;
	for (;; job++) {
		size_t columns = (job->n + BLOCK - 1) / BLOCK;
		if (task < columns)
			break;
		task -= columns;
	}
	fill_column(job, task);
}

void blocked_fill(const struct blocked_job *jobs, size_t count, struct pool *pool)
{
	size_t tasks = 0;
	for (size_t i = 0; i < count; i++)
		tasks += (jobs[i].n + BLOCK - 1) / BLOCK;
	pool_run(pool, tasks, fill_task, (void *)(uintptr_t)jobs);
}
