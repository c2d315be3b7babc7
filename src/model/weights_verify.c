/* Whether tensors are what the file says they should be, each looked at once. */
#include "base/memory.h"
#include "model/single.h"
#include "model/weights.h"

#include <stdlib.h>

enum verdict {
	VERDICT_GOOD,
	VERDICT_DAMAGED,
	VERDICT_NOT_FINITE,
	VERDICT_NOT_IN_RANGE, /* of int8 */
	VERDICT_NO_SCALE
};

/* On a weight, or on its scales. */
struct judgement {
	enum verdict verdict;
	const struct safetensors_tensor *source;
};

static bool is_undamaged(const struct checkpoint *checkpoint,
                         const struct safetensors_tensor *source)
{
	uint64_t wanted = checkpoint->checksums[safetensors_index(checkpoint->weights, source)];
	return single_tensor_checksum(source) == wanted;
}

static enum verdict judge_elements(const struct safetensors_tensor *source)
{
	if (source->dtype == DTYPE_I8)
		return quantized_values_valid((const int8_t *)source->data, source->elements)
		           ? VERDICT_GOOD
		           : VERDICT_NOT_IN_RANGE;
	return dtype_all_finite(source->data, source->dtype, source->elements) ? VERDICT_GOOD
	                                                                       : VERDICT_NOT_FINITE;
}

static struct judgement judge(const struct checkpoint *checkpoint,
                              const struct checkpoint_tensor *tensor)
{
	const struct safetensors_tensor *source = tensor->source, *scales = tensor->scales;
	enum verdict verdict =
	    is_undamaged(checkpoint, source) ? judge_elements(source) : VERDICT_DAMAGED;
	if (scales == NULL || verdict != VERDICT_GOOD)
		return (struct judgement){ verdict, source };
	if (!is_undamaged(checkpoint, scales))
		verdict = VERDICT_DAMAGED;
	else if (!quantized_scales_valid(scales->data, scales->elements))
		verdict = VERDICT_NO_SCALE;
	return (struct judgement){ verdict, scales };
}

static clipcls_status judgement_status(const struct judgement *judgement, clipcls_error *error)
{
	static const char *const texts[] = {
		[VERDICT_DAMAGED] = "is damaged: its checksum does not match",
		[VERDICT_NOT_FINITE] = "holds NaN or infinity",
		[VERDICT_NOT_IN_RANGE] = "holds -128; weights in int8 are from -127 to 127",
		[VERDICT_NO_SCALE] = "holds a scale that is negative, NaN, infinite or too large",
	};
	if (judgement->verdict == VERDICT_GOOD)
		return CLIPCLS_OK;
	return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" %s", judgement->source->path,
	                 judgement->source->name, texts[judgement->verdict]);
}

clipcls_status weights_not_finite(const struct checkpoint_tensor *tensor, clipcls_error *error)
{
	struct judgement judgement = { VERDICT_NOT_FINITE, tensor->source };
	return judgement_status(&judgement, error);
}

/* Of a tensor and its scales, which are judged together. */
static bool *verified(const struct checkpoint *checkpoint, const struct checkpoint_tensor *tensor)
{
	return &checkpoint->verified[safetensors_index(checkpoint->weights, tensor->source)];
}

/* Each tensor is judged by one task. */
struct verify_job {
	const struct checkpoint *checkpoint;
	struct checkpoint_tensor *const *tensors; /* (n) */
	struct judgement *judgements;             /* (n) */
};

static void verify_task(void *context, size_t task, size_t worker)
{
	const struct verify_job *job = context;
	(void)worker;
	if (!*verified(job->checkpoint, job->tensors[task]))
		job->judgements[task] = judge(job->checkpoint, job->tensors[task]);
}

clipcls_status weights_verify(struct checkpoint *checkpoint,
                              struct checkpoint_tensor *const *tensors, size_t n, struct pool *pool,
                              clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	if (checkpoint->checksums == NULL)
		return CLIPCLS_OK;
	struct verify_job job = { checkpoint, tensors, memory_new(n, sizeof *job.judgements) };
	if (job.judgements == NULL)
		return error_memory(error);
	pool_run(pool, n, verify_task, &job);
	for (size_t i = 0; i < n && status == CLIPCLS_OK; i++) {
		status = judgement_status(&job.judgements[i], error);
		if (status == CLIPCLS_OK)
			*verified(checkpoint, tensors[i]) = true;
	}
	free(job.judgements);
	return status;
}
