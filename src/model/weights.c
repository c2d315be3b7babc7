/* Fetching weights: verified, row-major float32, without a copy where the file has them so. */
#include "model/weights.h"

#include "base/checked.h"
#include "base/memory.h"
#include "model/single.h"

#include <stdlib.h>
#include <string.h>

#define TASK_ELEMENTS ((size_t)1 << 18) /* converted by one task: 1 MB of floats */
#define CHUNK_ELEMENTS ((size_t)1024)   /* of a rearranged tensor, converted at once */

enum verdict { VERDICT_GOOD, VERDICT_DAMAGED, VERDICT_NOT_FINITE };

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
	return spec->operation == TENSOR_TRANSPOSE
	           ? column * spec->shape[0] + row
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

static enum verdict judge(const struct checkpoint *checkpoint,
                          const struct safetensors_tensor *source)
{
	uint64_t wanted = checkpoint->checksums[safetensors_index(checkpoint->weights, source)];
	if (single_tensor_checksum(source) != wanted)
		return VERDICT_DAMAGED;
	return dtype_all_finite(source->data, source->dtype, source->elements) ? VERDICT_GOOD
	                                                                       : VERDICT_NOT_FINITE;
}

clipcls_status weights_not_finite(const struct checkpoint_tensor *tensor, clipcls_error *error)
{
	return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" holds NaN or infinity",
	                 tensor->source->path, tensor->source->name);
}

static clipcls_status verdict_status(enum verdict verdict, const struct checkpoint_tensor *tensor,
                                     clipcls_error *error)
{
	switch (verdict) {
	case VERDICT_GOOD: return CLIPCLS_OK;
	case VERDICT_NOT_FINITE: return weights_not_finite(tensor, error);
	case VERDICT_DAMAGED: break;
	}
	return error_set(error, CLIPCLS_ERR_FORMAT,
	                 "%s: tensor \"%s\" is damaged: its checksum does not match",
	                 tensor->source->path, tensor->source->name);
}

static bool needs_verifying(const struct checkpoint *checkpoint,
                            const struct checkpoint_tensor *tensor)
{
	return checkpoint->checksums != NULL &&
	       !checkpoint->verified[safetensors_index(checkpoint->weights, tensor->source)];
}

clipcls_status weights_verify(struct checkpoint *checkpoint, const struct checkpoint_tensor *tensor,
                              clipcls_error *error)
{
	if (!needs_verifying(checkpoint, tensor))
		return CLIPCLS_OK;
	clipcls_status status = verdict_status(judge(checkpoint, tensor->source), tensor, error);
	if (status == CLIPCLS_OK)
		checkpoint->verified[safetensors_index(checkpoint->weights, tensor->source)] = true;
	return status;
}

/* One tensor as one request wants it. */
struct fetch {
	struct checkpoint_tensor *tensor;
	bool in_blocks; /* as the file has it; otherwise row-major */
};

/* Several tensors at once: each is judged by one task. */
struct verify_job {
	const struct checkpoint *checkpoint;
	const struct fetch *fetches; /* (n) */
	enum verdict *verdicts;      /* (n) */
};

static void verify_task(void *context, size_t task, size_t worker)
{
	const struct verify_job *job = context;
	(void)worker;
	const struct checkpoint_tensor *tensor = job->fetches[task].tensor;
	job->verdicts[task] = needs_verifying(job->checkpoint, tensor)
	                          ? judge(job->checkpoint, tensor->source)
	                          : VERDICT_GOOD;
}

static clipcls_status verify_all(struct checkpoint *checkpoint, const struct fetch *fetches,
                                 size_t n, struct pool *pool, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	if (checkpoint->checksums == NULL)
		return CLIPCLS_OK;
	struct verify_job job = { checkpoint, fetches, memory_new(n, sizeof *job.verdicts) };
	if (job.verdicts == NULL)
		return error_memory(error);
	pool_run(pool, n, verify_task, &job);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++) {
		const struct checkpoint_tensor *tensor = fetches[i].tensor;
		status = verdict_status(job.verdicts[i], tensor, error);
		if (status == CLIPCLS_OK)
			checkpoint->verified[safetensors_index(checkpoint->weights, tensor->source)] = true;
	}
	free(job.verdicts);
	return status;
}

static const float **fetch_floats(const struct fetch *fetch)
{
	return fetch->in_blocks ? &fetch->tensor->blocks : &fetch->tensor->floats;
}

static float **fetch_owned(const struct fetch *fetch)
{
	return fetch->in_blocks ? &fetch->tensor->owned_blocks : &fetch->tensor->owned;
}

static size_t fetch_elements(const struct fetch *fetch)
{
	return fetch->in_blocks ? fetch->tensor->source->elements
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
	enum dtype dtype = tensor->source->dtype;
	float *out = *fetch_owned(&task->fetch);
	(void)worker;
	if (task->fetch.in_blocks || !is_rearranged(tensor)) {
		dtype_to_f32(out + task->begin, first_element(tensor) + task->begin * dtype_bytes(dtype),
		             dtype, task->end - task->begin);
		return;
	}
	unsigned char chunk[CHUNK_ELEMENTS * sizeof(float)];
	for (size_t i = task->begin; i < task->end; i += CHUNK_ELEMENTS) {
		size_t n = size_min(CHUNK_ELEMENTS, task->end - i);
		weights_copy(chunk, tensor, i, n);
		dtype_to_f32(out + i, chunk, dtype, n);
	}
}

/* Where the mapping itself can be used; NULL otherwise. */
static const float *mapped_floats(const struct fetch *fetch)
{
	const unsigned char *bytes = first_element(fetch->tensor);
	if (fetch->tensor->source->dtype != DTYPE_F32 ||
	    (is_rearranged(fetch->tensor) && !fetch->in_blocks) ||
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
		if (*floats != NULL || *owned != NULL)
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

static clipcls_status unknown_tensor(const struct checkpoint *checkpoint, const char *name,
                                     clipcls_error *error)
{
	return error_set(error, CLIPCLS_ERR_ARGUMENT, "%s: the model has no tensor \"%s\"",
	                 checkpoint->path, name);
}

clipcls_status checkpoint_weights(struct checkpoint *checkpoint,
                                  const struct weight_request *requests, size_t n,
                                  struct pool *pool, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	struct fetch *fetches = memory_new(n, sizeof *fetches);
	if (fetches == NULL)
		return error_memory(error);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++) {
		struct checkpoint_tensor *tensor = weights_find(checkpoint, requests[i].name);
		if (tensor == NULL)
			status = unknown_tensor(checkpoint, requests[i].name, error);
		else
			fetches[i] = (struct fetch){ tensor, requests[i].blocks != NULL &&
				                                     tensor->spec.operation == TENSOR_BLOCKED };
	}
	if (status == CLIPCLS_OK)
		status = verify_all(checkpoint, fetches, n, pool, error);
	if (status == CLIPCLS_OK)
		status = convert_all(fetches, n, pool, error);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++) {
		const struct fetch *fetch = &fetches[i];
		*requests[i].out = fetch->in_blocks ? NULL : fetch->tensor->floats;
		if (requests[i].blocks != NULL)
			*requests[i].blocks = fetch->in_blocks ? fetch->tensor->blocks : NULL;
	}
	free(fetches);
	return status;
}

clipcls_status checkpoint_rows(struct checkpoint *checkpoint, struct weight_rows *out,
                               const char *name, clipcls_error *error)
{
	const struct checkpoint_tensor *tensor = weights_find(checkpoint, name);
	*out = (struct weight_rows){ 0 };
	if (tensor == NULL)
		return unknown_tensor(checkpoint, name, error);
	if (tensor->spec.rank != 2 || is_rearranged(tensor))
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "%s: tensor \"%s\" has no rows to read",
		                 checkpoint->path, name);
	clipcls_status status = weights_verify(checkpoint, tensor, error);
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
