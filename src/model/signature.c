#include "model/signature.h"

#include "base/memory.h"
#include "model/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Of each vector, evenly spaced. Training of any kind moves one of several hundred values. */
#define VALUES_PER_VECTOR 4
/* Rounding to BF16, the coarsest dtype, is off by 2^-8 of a value at most; and a little more. */
#define LARGEST_RATIO 0.0045
#define LARGEST_DIFFERENCE 1e-7

static bool is_vector(const struct tensor_spec *spec)
{
	return spec->rank == 1 && spec->shape[0] >= VALUES_PER_VECTOR;
}

clipcls_status model_signature(float **out, size_t *n, struct checkpoint *checkpoint,
                               clipcls_error *error)
{
	size_t vectors = 0;
	const float **floats = memory_new(checkpoint->count, sizeof *floats);
	struct weight_request *requests = memory_new(checkpoint->count, sizeof *requests);
	size_t *lengths = memory_new(checkpoint->count, sizeof *lengths);
	float *values = memory_new(checkpoint->count, VALUES_PER_VECTOR * sizeof *values);
	clipcls_status status = CLIPCLS_OK;
	*out = NULL;
	if (floats == NULL || requests == NULL || lengths == NULL || values == NULL) {
		status = error_memory(error);
		goto cleanup;
	}
	for (size_t i = 0; i < checkpoint->count; i++) {
		const struct tensor_spec *spec = &checkpoint->tensors[i].spec;
		if (!is_vector(spec))
			continue;
		requests[vectors].out = &floats[vectors];
		snprintf(requests[vectors].name, sizeof requests[vectors].name, "%s", spec->name);
		lengths[vectors++] = spec->shape[0];
	}
	status = checkpoint_weights(checkpoint, requests, vectors, NULL, error);
	if (status != CLIPCLS_OK)
		goto cleanup;
	for (size_t i = 0; i < vectors; i++)
		for (size_t j = 0; j < VALUES_PER_VECTOR; j++)
			values[i * VALUES_PER_VECTOR + j] = floats[i][j * lengths[i] / VALUES_PER_VECTOR];
	status = checkpoint_intact(checkpoint, error);
	if (status != CLIPCLS_OK)
		goto cleanup;
	*n = vectors * VALUES_PER_VECTOR;
	*out = values;
	values = NULL;
cleanup:
	free(floats);
	free(requests);
	free(lengths);
	free(values);
	return status;
}

static bool signatures_match(const float *a, size_t n, const float *b, size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		/* So that a NaN matches nothing. */
		if (!(fabs((double)a[i] - b[i]) <= LARGEST_RATIO * fabs(a[i]) + LARGEST_DIFFERENCE))
			return false;
	return true;
}

clipcls_status model_is_of(bool *same, struct checkpoint *checkpoint, const float *signature,
                           size_t n, clipcls_error *error)
{
	float *own = NULL;
	size_t m = 0;
	clipcls_status status = model_signature(&own, &m, checkpoint, error);
	*same = status == CLIPCLS_OK && signatures_match(signature, n, own, m);
	free(own);
	return status;
}
