#include "model/convert_weights.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static clipcls_status beyond_range(const struct checkpoint_tensor *weight, const char *dtype,
                                   clipcls_error *error)
{
	return error_set(error, CLIPCLS_ERR_ARGUMENT,
	                 "%s: tensor \"%s\" has values beyond the range of %s", weight->source->path,
	                 weight->source->name, dtype);
}

/* As stored, which is a float dtype. */
static clipcls_status copied_bytes(unsigned char **out, const struct checkpoint_tensor *weight,
                                   size_t n, clipcls_error *error)
{
	enum dtype dtype = weight->source->dtype;
	*out = memory_new(n, dtype_bytes(dtype));
	if (*out == NULL)
		return error_memory(error);
	weights_copy(*out, weight, 0, n);
	return dtype_all_finite(*out, dtype, n) ? CLIPCLS_OK : weights_not_finite(weight, error);
}

static clipcls_status converted_bytes(unsigned char **out, const struct checkpoint_tensor *weight,
                                      size_t n, enum dtype dtype, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	float *floats = memory_floats(n);
	*out = memory_new(n, dtype_bytes(dtype));
	if (floats == NULL || *out == NULL) {
		free(floats);
		return error_memory(error);
	}
	weights_floats(floats, weight, 0, n);
	dtype_from_f32(*out, dtype, floats, n);
	if (!dtype_all_finite(floats, DTYPE_F32, n))
		status = weights_not_finite(weight, error);
	else if (!dtype_all_finite(*out, dtype, n))
		status = beyond_range(weight, dtype_name(dtype), error);
	free(floats);
	return status;
}

/* rows: (weight's shape) elements of `size` bytes, which are freed; *out: the same in blocks. These
 * are full, so that the size stays the same. */
static clipcls_status put_in_blocks(unsigned char **out, unsigned char *rows,
                                    const struct checkpoint_tensor *weight, size_t size,
                                    clipcls_error *error)
{
	size_t columns = weight->spec.shape[1], n = tensor_elements(&weight->spec);
	*out = memory_new(n, size);
	for (size_t i = 0; *out != NULL && i < n; i++)
		memcpy(*out + tensor_block_place(i / columns, i % columns, columns) * size, rows + i * size,
		       size);
	free(rows);
	return *out != NULL ? CLIPCLS_OK : error_memory(error);
}

/* values: (N, K), scales: (N).   row: room for K floats. */
static clipcls_status quantize(int8_t *values, float *scales, float *row,
                               const struct checkpoint_tensor *weight, clipcls_error *error)
{
	size_t N = weight->spec.shape[0], K = weight->spec.shape[1];
	for (size_t n = 0; n < N; n++) {
		int32_t sum;
		weights_floats(row, weight, n * K, K);
		quantize_weight(values + n * K, &scales[n], &sum, row, K, QUANTIZED_LIMIT);
		if (scales[n] != scales[n])
			return weights_not_finite(weight, error);
	}
	return quantized_scales_valid((const unsigned char *)scales, N)
	           ? CLIPCLS_OK
	           : beyond_range(weight, "int8", error);
}

/* *out: the values or the scales. What is quantized already stays as it is: its scales would be
 * rounded a second time. */
static clipcls_status quantized_bytes(unsigned char **out, const struct checkpoint_tensor *weight,
                                      enum written_form form, clipcls_error *error)
{
	size_t N = weight->spec.shape[0], elements = tensor_elements(&weight->spec);
	int8_t *values = memory_new(elements, 1);
	float *scales = memory_floats(N), *row = memory_floats(weight->spec.shape[1]);
	clipcls_status status = CLIPCLS_OK;
	if (values == NULL || scales == NULL || row == NULL) {
		status = error_memory(error);
	} else if (weight->spec.operation == TENSOR_QUANTIZED) {
		memcpy(values, weight->source->data, elements);
		memcpy(scales, weight->scales->data, N * sizeof *scales);
	} else {
		status = quantize(values, scales, row, weight, error);
	}
	*out = form == WRITTEN_SCALES ? (unsigned char *)scales : (unsigned char *)values;
	free(form == WRITTEN_SCALES ? (void *)values : scales);
	free(row);
	return status;
}

clipcls_status written_bytes(unsigned char **out, struct checkpoint *checkpoint,
                             struct checkpoint_tensor *weight, enum written_form form,
                             enum dtype dtype, clipcls_error *error)
{
	size_t n = tensor_elements(&weight->spec);
	*out = NULL;
	clipcls_status status = weights_verify(checkpoint, &weight, 1, NULL, error);
	if (status == CLIPCLS_OK && (form == WRITTEN_INT8 || form == WRITTEN_SCALES))
		status = quantized_bytes(out, weight, form, error);
	else if (status == CLIPCLS_OK && dtype == weight->source->dtype)
		status = copied_bytes(out, weight, n, error);
	else if (status == CLIPCLS_OK)
		status = converted_bytes(out, weight, n, dtype, error);
	if (status == CLIPCLS_OK && form == WRITTEN_BLOCKS)
		status = put_in_blocks(out, *out, weight, dtype_bytes(dtype), error);
	if (status != CLIPCLS_OK) {
		free(*out);
		*out = NULL;
	}
	return status;
}
