/* Fetching weights: row-major float32, without a copy where the file has them so. */
#include "model/weights.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define TASK_ELEMENTS ((size_t)1 << 18) /* converted by one task: 1 MB of floats */
#define CHUNK_ELEMENTS ((size_t)1024)   /* of a rearranged tensor, converted at once */

struct checkpoint_tensor *weights_find(const struct checkpoint *checkpoint, const char *name)
{
	size_t index;
	if (!strmap_get(checkpoint->by_name, name, strlen(name), &index))
		return NULL;
	return &checkpoint->tensors[index];
}

/* Whether the file has the elements in another order. */
static bool is_rearranged(const struct checkpoint_tensor *tensor)
{
	return tensor->spec.operation == TENSOR_TRANSPOSE || tensor->spec.operation == TENSOR_BLOCKED;
}

/* The first of the canonical elements of a TENSOR_COPY or TENSOR_PART, in the file. */
static const unsigned char *first_element(const struct checkpoint_tensor *tensor)
{
	const struct tensor_spec *spec = &tensor->spec;
	size_t skipped = spec->operation == TENSOR_PART ? spec->part * tensor_elements(spec) : 0;
	return tensor->source->data + skipped * dtype_bytes(tensor->source->dtype);
}

/* Where element (row, column) of a rearranged (rows, columns) tensor is in the file. */
static inline size_t place_of(const struct tensor_spec *spec, size_t row, size_t column)
{
	return spec->operation == TENSOR_TRANSPOSE ? column * spec->shape[0] + row
	                                           : tensor_block_place(row, column, spec->shape[1]);
}

void weights_copy(void *out, const struct checkpoint_tensor *tensor, size_t first, size_t n)
{
	const struct tensor_spec *spec = &tensor->spec;
	const unsigned char *data = tensor->source->data;
	size_t size = dtype_bytes(tensor->source->dtype);
	if (!is_rearranged(tensor)) {
		memcpy(out, first_element(tensor) + first * size, n * size);
		return;
	}
	unsigned char *bytes = out;
	size_t row = first / spec->shape[1], column = first % spec->shape[1];
	for (size_t i = 0; i < n; i++) {
		size_t place = place_of(spec, row, column);
		if (size == 4) /* constant sizes: a call for each element would cost more than the rest */
			memcpy(bytes + 4 * i, data + 4 * place, 4);
		else
			memcpy(bytes + 2 * i, data + 2 * place, 2);
		if (++column == spec->shape[1]) {
			column = 0;
			row++;
		}
	}
}

/* A TENSOR_QUANTIZED as the file has it. */
static struct quantized_weight stored_weight(const struct checkpoint_tensor *tensor)
{
	return (struct quantized_weight){ (const int8_t *)tensor->source->data, tensor->scales->data };
}

static void dequantize(float *out, const struct checkpoint_tensor *tensor, size_t first, size_t n)
{
	const struct quantized_weight weight = stored_weight(tensor);
	size_t columns = tensor->spec.shape[1], end = first + n, length;
	for (; first < end; first += length, out += length) {
		length = size_min(columns - first % columns, end - first);
		dequantize_weight(out, weight.values + first, length,
		                  quantized_scale(&weight, first / columns));
	}
}

void weights_floats(float *out, const struct checkpoint_tensor *tensor, size_t first, size_t n)
{
	enum dtype dtype = tensor->source->dtype;
	unsigned char chunk[CHUNK_ELEMENTS * sizeof(float)];
	if (tensor->spec.operation == TENSOR_QUANTIZED) {
		dequantize(out, tensor, first, n);
		return;
	}
	if (!is_rearranged(tensor)) {
		dtype_to_f32(out, first_element(tensor) + first * dtype_bytes(dtype), dtype, n);
		return;
	}
	for (size_t i = 0, length; i < n; i += length) {
		length = size_min(CHUNK_ELEMENTS, n - i);
		weights_copy(chunk, tensor, first + i, length);
		dtype_to_f32(out + i, chunk, dtype, length);
	}
}

enum fetch_form { FETCH_ROWS, FETCH_BLOCKS, FETCH_QUANTIZED };

/* One tensor as one request wants it. */
struct fetch {
	struct checkpoint_tensor *tensor;
	enum fetch_form form;
};

static const float **fetch_floats(const struct fetch *fetch)
{
	return fetch->form == FETCH_BLOCKS ? &fetch->tensor->blocks : &fetch->tensor->floats;
}

static float **fetch_owned(const struct fetch *fetch)
{
	return fetch->form == FETCH_BLOCKS ? &fetch->tensor->owned_blocks : &fetch->tensor->owned;
}

static size_t fetch_elements(const struct fetch *fetch)
{
	return fetch->form == FETCH_BLOCKS ? fetch->tensor->source->elements
	                                   : tensor_elements(&fetch->tensor->spec);
}

/* Elements begin..end - 1 of a tensor become floats. */
struct convert_task {
	struct fetch fetch;
	size_t begin, end;
};

static void convert_task(void *context, size_t index, size_t worker)
{
	const struct convert_task *task = (const struct convert_task *)context + index;
	const struct checkpoint_tensor *tensor = task->fetch.tensor;
	float *out = *fetch_owned(&task->fetch) + task->begin;
	size_t n = task->end - task->begin;
	(void)worker;
	if (task->fetch.form == FETCH_BLOCKS)
		dtype_to_f32(out, tensor->source->data + task->begin * dtype_bytes(tensor->source->dtype),
		             tensor->source->dtype, n);
	else
		weights_floats(out, tensor, task->begin, n);
}

/* Where the mapping itself can be used; NULL otherwise. */
static const float *mapped_floats(const struct fetch *fetch)
{
	const unsigned char *bytes = first_element(fetch->tensor);
	if (fetch->tensor->source->dtype != DTYPE_F32 ||
	    (is_rearranged(fetch->tensor) && fetch->form != FETCH_BLOCKS) ||
	    (uintptr_t)bytes % _Alignof(float) != 0)
		return NULL;
	return (const float *)(const void *)bytes;
}

/* Memory and tasks for those of the n tensors that have to be converted. */
static clipcls_status plan_conversion(struct convert_task **tasks, size_t *n_tasks,
                                      const struct fetch *fetches, size_t n, clipcls_error *error)
{
	size_t capacity = 0;
	*tasks = NULL;
	*n_tasks = 0;
	for (size_t i = 0; i < n; i++) {
		const float **floats = fetch_floats(&fetches[i]);
		float **owned = fetch_owned(&fetches[i]);
		if (fetches[i].form == FETCH_QUANTIZED || *floats != NULL || *owned != NULL)
			continue;
		*floats = mapped_floats(&fetches[i]);
		if (*floats != NULL)
			continue;
		size_t elements = fetch_elements(&fetches[i]);
		*owned = memory_floats(elements);
		if (*owned == NULL)
			return error_memory(error);
		for (size_t begin = 0; begin < elements; begin += TASK_ELEMENTS) {
			struct convert_task *grown =
			    memory_grow(*tasks, &capacity, *n_tasks + 1, sizeof *grown);
			if (grown == NULL)
				return error_memory(error);
			*tasks = grown;
			grown[(*n_tasks)++] =
			    (struct convert_task){ fetches[i], begin,
				                       size_min(begin + TASK_ELEMENTS, elements) };
		}
	}
	return CLIPCLS_OK;
}

/* The floats become valid for every fetch, or none of the new ones keeps its memory. */
static clipcls_status convert_all(const struct fetch *fetches, size_t n, struct pool *pool,
                                  clipcls_error *error)
{
	struct convert_task *tasks = NULL;
	size_t n_tasks = 0;
	clipcls_status status = plan_conversion(&tasks, &n_tasks, fetches, n, error);
	if (status == CLIPCLS_OK)
		pool_run(pool, n_tasks, convert_task, tasks);
	for (size_t i = 0; i < n; i++) {
		const float **floats = fetch_floats(&fetches[i]);
		float **owned = fetch_owned(&fetches[i]);
		if (status == CLIPCLS_OK && *floats == NULL) {
			*floats = *owned;
		} else if (*floats == NULL) {
			free(*owned);
			*owned = NULL;
		}
	}
	free(tasks);
	return status;
}

static struct fetch make_fetch(struct checkpoint_tensor *tensor,
                               const struct weight_request *request)
{
	enum tensor_operation operation = tensor->spec.operation;
	struct fetch fetch = { tensor, FETCH_ROWS };
	if (operation == TENSOR_BLOCKED && request->blocks != NULL)
		fetch.form = FETCH_BLOCKS;
	if (operation == TENSOR_QUANTIZED && request->quantized != NULL && !request->dequantized)
		fetch.form = FETCH_QUANTIZED;
	return fetch;
}

static void answer(const struct weight_request *request, const struct fetch *fetch)
{
	const struct checkpoint_tensor *tensor = fetch->tensor;
	*request->out = fetch->form == FETCH_ROWS ? tensor->floats : NULL;
	if (request->blocks != NULL)
		*request->blocks = fetch->form == FETCH_BLOCKS ? tensor->blocks : NULL;
	if (request->quantized != NULL)
		*request->quantized = tensor->spec.operation == TENSOR_QUANTIZED
		                          ? stored_weight(tensor)
		                          : (struct quantized_weight){ 0 };
}

static clipcls_status unknown_tensor(const struct checkpoint *checkpoint, const char *name,
                                     clipcls_error *error)
{
	return error_set(error, CLIPCLS_ERR_ARGUMENT, "%s: the model has no tensor \"%s\"",
	                 checkpoint->path, name);
}

/* Of all requests, each verified: (n), freed with free(). */
static clipcls_status find_and_verify(struct checkpoint_tensor ***out,
                                      struct checkpoint *checkpoint,
                                      const struct weight_request *requests, size_t n,
                                      struct pool *pool, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	struct checkpoint_tensor **tensors = memory_new(n, sizeof *tensors);
	*out = tensors;
	if (tensors == NULL)
		return error_memory(error);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++) {
		tensors[i] = weights_find(checkpoint, requests[i].name);
		if (tensors[i] == NULL)
			status = unknown_tensor(checkpoint, requests[i].name, error);
	}
	return status == CLIPCLS_OK ? weights_verify(checkpoint, tensors, n, pool, error) : status;
}

clipcls_status checkpoint_weights(struct checkpoint *checkpoint,
                                  const struct weight_request *requests, size_t n,
                                  struct pool *pool, clipcls_error *error)
{
	struct checkpoint_tensor **tensors = NULL;
	struct fetch *fetches = memory_new(n, sizeof *fetches);
	if (fetches == NULL)
		return error_memory(error);
	clipcls_status status = find_and_verify(&tensors, checkpoint, requests, n, pool, error);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++)
		fetches[i] = make_fetch(tensors[i], &requests[i]);
	if (status == CLIPCLS_OK)
		status = convert_all(fetches, n, pool, error);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++)
		answer(&requests[i], &fetches[i]);
	free(tensors);
	free(fetches);
	return safetensors_outcome(checkpoint->weights, status, error);
}

clipcls_status checkpoint_rows(struct checkpoint *checkpoint, struct weight_rows *out,
                               const char *name, clipcls_error *error)
{
	struct checkpoint_tensor *tensor = weights_find(checkpoint, name);
	*out = (struct weight_rows){ 0 };
	if (tensor == NULL)
		return unknown_tensor(checkpoint, name, error);
	if (tensor->spec.rank != 2 || is_rearranged(tensor) || tensor->scales != NULL)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "%s: tensor \"%s\" has no rows to read",
		                 checkpoint->path, name);
	clipcls_status status = weights_verify(checkpoint, &tensor, 1, NULL, error);
	if (status == CLIPCLS_OK)
		*out = (struct weight_rows){ first_element(tensor), tensor->spec.shape[0],
			                         tensor->spec.shape[1], tensor->source->dtype };
	return status;
}

void weight_rows_get(float *out, const struct weight_rows *rows, size_t row)
{
	enum dtype dtype = (enum dtype)rows->dtype;
	dtype_to_f32(out, rows->bytes + row * rows->width * dtype_bytes(dtype), dtype, rows->width);
}
