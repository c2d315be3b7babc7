/* The loops of dot_rows.c for vectors of one width. Included once for each:
 *     #define DOT_LANES 8
 *     #define DOT_NAME(name) name##_8
 */
typedef float DOT_NAME(lanes) __attribute__((vector_size(DOT_LANES * sizeof(float))));

INLINED DOT_NAME(lanes) DOT_NAME(load)(const float *x, size_t n)
{
	DOT_NAME(lanes) value = { 0 };
	memcpy(&value, x, n * sizeof *x);
	return value;
}

/* One tile of c. `rows` and `columns` are constants in the loops that matter and vanish there. An
 * element is summed in the same lanes and order in a tile of any size. */
INLINED void DOT_NAME(tile)(const struct blas_product *p, size_t row, size_t column, size_t rows,
                            size_t columns)
{
	DOT_NAME(lanes) sums[MOST][MOST] = { 0 };
	const float *a = p->a + row * p->a_stride, *b = p->b + column * p->b_stride;
	size_t whole = p->k - p->k % DOT_LANES;
	for (size_t k = 0; k < whole; k += DOT_LANES) {
		for (size_t i = 0; i < rows; i++)
			for (size_t j = 0; j < columns; j++)
				sums[i][j] += DOT_NAME(load)(a + i * p->a_stride + k, DOT_LANES) *
				              DOT_NAME(load)(b + j * p->b_stride + k, DOT_LANES);
	}
	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < columns; j++) {
			float *c = p->c + (row + i) * p->c_stride + column + j;
			float sum = 0;
			if (whole < p->k)
				sums[i][j] += DOT_NAME(load)(a + i * p->a_stride + whole, p->k - whole) *
				              DOT_NAME(load)(b + j * p->b_stride + whole, p->k - whole);
			for (size_t l = 0; l < DOT_LANES; l++)
				sum += sums[i][j][l];
			*c = p->accumulate ? *c + sum : sum;
		}
	}
}

/* One panel's rows through `columns` columns from `column` on. */
INLINED void DOT_NAME(strip)(const struct blas_product *p, size_t row, size_t end, size_t column,
                             size_t rows, size_t columns)
{
	for (; row + rows <= end; row += rows)
		DOT_NAME(tile)(p, row, column, rows, columns);
	for (; row < end; row++)
		DOT_NAME(tile)(p, row, column, 1, columns);
}

/* The whole product in tiles of rows x columns. */
INLINED void DOT_NAME(multiply)(const struct blas_product *p, size_t rows, size_t columns)
{
	for (size_t first = 0; first < p->m; first += PANEL_ROWS) {
		size_t end = size_min(first + PANEL_ROWS, p->m), column = 0;
		for (; column + columns <= p->n; column += columns)
			DOT_NAME(strip)(p, first, end, column, rows, columns);
		for (; column < p->n; column++)
			DOT_NAME(strip)(p, first, end, column, rows, 1);
	}
}

#undef DOT_LANES
#undef DOT_NAME
