/* Rows of activations in low precision. */
#include "nn/low.h"

#include "base/checked.h"
#include "nn/quantize.h"

/* Rows of one task of low_rows_fill. */
#define ROWS_PER_TASK 16

size_t low_values_floats(size_t rows, size_t k)
{
	/* The larger of the two types. */
	return (rows * k * sizeof(uint16_t) + sizeof(float) - 1) / sizeof(float);
}

size_t low_rows_scratch(size_t rows, size_t k)
{
	return arena_size_of(low_values_floats(rows, k)) + 2 * arena_size_of(rows);
}

struct low_rows low_rows_take(struct arena *arena, enum low_type type, size_t rows, size_t k)
{
	return (struct low_rows){
		.type = type,
		.values = arena_floats(arena, low_values_floats(rows, k)),
		.scales = arena_floats(arena, rows),
		.zeros = (int32_t *)(void *)arena_floats(arena, rows),
	};
}

struct fill_job {
	const struct low_rows *rows;
	const float *x;
	size_t count, k;
};

static void fill_rows(void *context, size_t task, size_t worker)
{
	const struct fill_job *job = context;
	const struct low_rows *rows = job->rows;
	size_t first = task * ROWS_PER_TASK, k = job->k;
	size_t end = size_min(first + ROWS_PER_TASK, job->count);
	(void)worker;
	for (size_t row = first; row < end; row++) {
		if (rows->type == LOW_INT8)
			quantize_row((uint8_t *)rows->values + row * k, &rows->scales[row], &rows->zeros[row],
			             job->x + row * k, k);
		else
			round_to_bf16((uint16_t *)rows->values + row * k, job->x + row * k, k);
	}
}

void low_rows_fill(const struct low_rows *rows, const float *x, size_t count, size_t k,
                   struct pool *pool)
{
	struct fill_job job = { rows, x, count, k };
	pool_run(pool, (count + ROWS_PER_TASK - 1) / ROWS_PER_TASK, fill_rows, &job);
}
