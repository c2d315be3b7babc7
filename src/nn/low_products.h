/* Integer and bf16 matrix products: kernels of a third library, for the few shapes that a tower
 * has. Absent where the build or the machine has no such library. */
#ifndef CLIPCLS_NN_LOW_PRODUCTS_H
#define CLIPCLS_NN_LOW_PRODUCTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum low_type {
	LOW_INT8, /* u8 rows times s8 weights, summed exactly in s32 */
	LOW_BF16  /* bf16 rows times bf16 weights, summed in f32 */
};

/* Why products of this type cannot be had here; NULL when they can. */
const char *low_products_missing(enum low_type type);
/* "oneDNN 2.6.3"; NULL when there is none. */
const char *low_products_name(void);
/* Largest magnitude of an s8 weight: 127; 63 on processors that add two products of a u8 and an s8
 * in 16 bits, where 2 * 255 * 127 would not fit. */
int low_products_weight_limit(void);

/* Kernels for one weight shape (n, k) and two numbers of rows: x (rows, k) times weight transposed.
 */
struct low_kernels;

/* threads: as many as will take a slot at a time. Errors: CLIPCLS_ERR_UNSUPPORTED, _MEMORY. */
clipcls_status low_kernels_new(struct low_kernels **out, enum low_type type, const size_t rows[2],
                               size_t n, size_t k, size_t threads, clipcls_error *error);
void low_kernels_free(struct low_kernels *kernels);

/* Bytes of a weight as the kernels want it. */
size_t low_kernels_weight_bytes(const struct low_kernels *kernels);
/* packed (aligned to MEMORY_ALIGNMENT) = weight: (n, k) row-major, s8 or bf16. From any thread. */
bool low_kernels_pack(void *packed, const void *weight, const struct low_kernels *kernels);

/* What one thread multiplies with. There are enough for `threads`: taking waits for nothing. */
struct low_slot;
struct low_slot *low_slot_take(struct low_kernels *kernels);
void low_slot_give(struct low_slot *slot);

/* x: (rows, k) u8 or bf16, rows one of the two numbers that the kernels are for. Returns (rows, n)
 * s32 or f32, in the slot's own memory; NULL when the library failed, for want of memory. */
const void *low_slot_multiply(struct low_slot *slot, const void *x, size_t rows,
                              const void *packed);

#endif
