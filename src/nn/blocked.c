#include "nn/blocked.h"

#include "base/checked.h"
#include "nn/transpose.h"

#include <string.h>

bool blocked_floats(size_t *out, size_t n, size_t k)
{
	size_t padded_n, padded_k;
	return size_add(n, BLOCK - 1, &padded_n) && size_add(k, BLOCK - 1, &padded_k) &&
	       size_mul(padded_n / BLOCK * BLOCK, padded_k / BLOCK * BLOCK, out);
}

void blocked_pack(float *blocks, const struct blocked_weight *weight, size_t column, size_t depth,
                  size_t count)
{
	size_t first = column * BLOCK, columns = size_min(BLOCK, weight->n - first);
	size_t k = depth * BLOCK, height = size_min(count * BLOCK, weight->k - k);
	if (columns < BLOCK || height < count * BLOCK)
		memset(blocks, 0, count * BLOCK * BLOCK * sizeof *blocks);
	/* Blocks of one column lie one behind the other: together they are (height, 64). */
	transpose(blocks, BLOCK, weight->rows + first * weight->k + k, weight->k, columns, height);
}

void blocked_row(float *row, const float *blocks, size_t k, size_t n)
{
	size_t depth = (k + BLOCK - 1) / BLOCK;
	const float *column = blocks + n / BLOCK * depth * BLOCK * BLOCK + n % BLOCK;
	for (size_t i = 0; i < k; i++)
		row[i] = column[i * BLOCK];
}

struct fill {
	float *blocks;
	const struct blocked_weight *weight;
};

static void fill_column(void *context, size_t column, size_t worker)
{
	const struct fill *fill = context;
	size_t depth = (fill->weight->k + BLOCK - 1) / BLOCK;
	(void)worker;
	blocked_pack(fill->blocks + column * depth * BLOCK * BLOCK, fill->weight, column, 0, depth);
}

void blocked_fill(float *blocks, const struct blocked_weight *weight, struct pool *pool)
{
	struct fill fill = { blocks, weight };
	pool_run(pool, (weight->n + BLOCK - 1) / BLOCK, fill_column, &fill);
}
