/* Plain loops, summed in double: slow, exact, and transparent to sanitizers and valgrind. */
#include "nn/blas.h"

void blas_multiply_transposed(const struct blas_product *p)
{
	for (size_t i = 0; i < p->m; i++) {
		for (size_t j = 0; j < p->n; j++) {
			const float *a = p->a + i * p->a_stride, *b = p->b + j * p->b_stride;
			float *c = p->c + i * p->c_stride + j;
			double sum = p->accumulate ? *c : 0;
			for (size_t k = 0; k < p->k; k++)
				sum += (double)a[k] * b[k];
			*c = (float)sum;
		}
	}
}

void blas_multiply(const struct blas_product *p)
{
	for (size_t i = 0; i < p->m; i++) {
		for (size_t j = 0; j < p->n; j++) {
			float *c = p->c + i * p->c_stride + j;
			double sum = p->accumulate ? *c : 0;
			for (size_t k = 0; k < p->k; k++)
				sum += (double)p->a[i * p->a_stride + k] * p->b[k * p->b_stride + j];
			*c = (float)sum;
		}
	}
}

void blas_multiply_double(const struct blas_double_product *p)
{
	size_t b_row = p->b_transposed ? p->b_stride : 1, b_step = p->b_transposed ? 1 : p->b_stride;
	for (size_t i = 0; i < p->m; i++) {
		for (size_t j = 0; j < p->n; j++) {
			double *c = p->c + i * p->c_stride + j;
			double sum = p->accumulate ? *c : 0;
			for (size_t k = 0; k < p->k; k++)
				sum += p->a[i * p->a_stride + k] * p->b[j * b_row + k * b_step];
			*c = sum;
		}
	}
}

void blas_setup(void)
{
}

const char *blas_name(void)
{
	return "reference BLAS";
}
