/* A build without kernels for blocked weights. */
#include "nn/blocked.h"

bool blocked_usable(void)
{
	return false;
}

const char *blocked_name(void)
{
	return NULL;
}

void blocked_multiply(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                      const struct blocked_weight *weight, size_t column, bool accumulate)
{
	/* Never called where blocks are not usable. */
	(void)out, (void)out_stride, (void)x, (void)x_stride, (void)rows, (void)weight, (void)column;
	(void)accumulate;
}

bool blocked_taps(const struct tap_product *product)
{
	(void)product;
	return false;
}

bool blocked_small_product(const struct blas_product *product)
{
	(void)product;
	return false;
}
