/* A build without oneDNN. */
#include "nn/low_products.h"

const char *low_products_missing(enum low_type type)
{
	(void)type;
	return "this build is without oneDNN";
}

const char *low_products_name(void)
{
	return NULL;
}

int low_products_weight_limit(void)
{
	return 127;
}

clipcls_status low_kernels_new(struct low_kernels **out, enum low_type type, const size_t rows[2],
                               size_t n, size_t k, size_t threads, clipcls_error *error)
{
	(void)rows, (void)n, (void)k, (void)threads;
	*out = NULL;
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s", low_products_missing(type));
}

void low_kernels_free(struct low_kernels *kernels)
{
	(void)kernels;
}

size_t low_kernels_weight_bytes(const struct low_kernels *kernels)
{
	(void)kernels;
	return 0;
}

bool low_kernels_pack(void *packed, const void *weight, const struct low_kernels *kernels)
{
	(void)packed, (void)weight, (void)kernels;
	return false;
}

struct low_slot *low_slot_take(struct low_kernels *kernels)
{
	(void)kernels;
	return NULL;
}

void low_slot_give(struct low_slot *slot)
{
	(void)slot;
}

const void *low_slot_multiply(struct low_slot *slot, const void *x, size_t rows, const void *packed)
{
	(void)slot, (void)x, (void)rows, (void)packed;
	return NULL;
}
