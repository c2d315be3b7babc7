/* Number formats of stored tensors, and their conversion to and from float32. */
#ifndef CLIPCLS_MODEL_DTYPE_H
#define CLIPCLS_MODEL_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

/* The first three are weights; the others may only be skipped, U8 also carries files. */
enum dtype {
	DTYPE_F32,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_U8,
	DTYPE_I8,
	DTYPE_BOOL,
	DTYPE_F8_E4M3,
	DTYPE_F8_E5M2,
	DTYPE_I16,
	DTYPE_U16,
	DTYPE_I32,
	DTYPE_U32,
	DTYPE_I64,
	DTYPE_U64,
	DTYPE_F64
};

/* As in a safetensors header; false for an unknown name. */
const char *dtype_name(enum dtype dtype);
bool dtype_from_name(enum dtype *out, const char *name);
size_t dtype_bytes(enum dtype dtype);
bool dtype_is_weight(enum dtype dtype);

/* out: (n) = in: (n) elements of a weight dtype, at any alignment. Exact: every F16 and BF16 value,
 * subnormals, infinities and NaN included, is a float32. */
void dtype_to_f32(float *out, const void *in, enum dtype dtype, size_t n);

/* in: (n) -> out: (n) elements of a weight dtype, rounded to the nearest, ties to even; what is
 * beyond the range becomes infinity. */
void dtype_from_f32(void *out, enum dtype dtype, const float *in, size_t n);

/* Whether none of the n elements of a weight dtype is infinite or NaN. */
bool dtype_all_finite(const void *in, enum dtype dtype, size_t n);

#endif
