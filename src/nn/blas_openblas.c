#include "nn/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <stdio.h>

static void multiply(const struct blas_product *p, CBLAS_TRANSPOSE transpose_b)
{
	cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b, (blasint)p->m, (blasint)p->n,
	            (blasint)p->k, 1.0f, p->a, (blasint)p->a_stride, p->b, (blasint)p->b_stride,
	            p->accumulate ? 1.0f : 0.0f, p->c, (blasint)p->c_stride);
}

void blas_multiply_transposed(const struct blas_product *product)
{
	multiply(product, CblasTrans);
}

void blas_multiply(const struct blas_product *product)
{
	multiply(product, CblasNoTrans);
}

void blas_multiply_double(const struct blas_double_product *p)
{
	cblas_dgemm(CblasRowMajor, CblasNoTrans, p->b_transposed ? CblasTrans : CblasNoTrans,
	            (blasint)p->m, (blasint)p->n, (blasint)p->k, 1.0, p->a, (blasint)p->a_stride, p->b,
	            (blasint)p->b_stride, p->accumulate ? 1.0 : 0.0, p->c, (blasint)p->c_stride);
}

void blas_setup(void)
{
	openblas_set_num_threads(1);
}

/* Constant for the life of the process: written once, under pthread_once. */
static char name[160];

static void write_name(void)
{
	/* openblas_get_config() begins "OpenBLAS 0.3.21 NO_LAPACKE ..." */
	char version[32] = "";
	sscanf(openblas_get_config(), "OpenBLAS %31s", version);
	snprintf(name, sizeof name, "OpenBLAS %s %s", version, openblas_get_corename());
}

const char *blas_name(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, write_name);
	return name;
}
