#include "model/tensors.h"

#include "base/checked.h"
#include "model/family.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Sides are below 2^31 (config_check.c), so that rounding them up fits. */
static bool elements_fit(const struct tensor_spec *spec)
{
	size_t bytes = sizeof(float), shape[TENSOR_RANK_LIMIT], rank;
	tensor_source_shape(shape, &rank, spec);
	for (size_t i = 0; i < rank; i++)
		if (!size_mul(bytes, shape[i], &bytes))
			return false;
	return true;
}

/* What no tower owns. */
static void list_scale(struct tensor_list *list, const struct model_config *config)
{
	static const struct tensor_row scales[] = {
		[LOGIT_SCALE_LOGARITHM] = { .name = "logit_scale", .shape = "" },
		[LOGIT_SCALE_TEMPERATURE] = { .name = "temperature", .shape = "" },
	};
	static const struct tensor_row bias = { .name = "logit_bias", .shape = "" };
	const struct tensor_part part = { .prefix = "", .source_prefix = "" };
	tensor_list_row(list, &part, &scales[config->logit_scale]);
	if (config->logit_bias)
		tensor_list_row(list, &part, &bias);
}

static clipcls_status check_list(const struct tensor_list *list, clipcls_error *error)
{
	if (list->failed)
		return error_memory(error);
	for (size_t i = 0; i < list->count; i++)
		if (!elements_fit(&list->specs[i]))
			return error_set(error, CLIPCLS_ERR_FORMAT, "tensor \"%s\" would be too large",
			                 list->specs[i].name);
	return CLIPCLS_OK;
}

clipcls_status tensors_list(struct tensor_spec **out, size_t *count,
                            const struct model_config *config, struct tensor_naming naming,
                            size_t most, clipcls_error *error)
{
	struct tensor_list list = { .most = most, .naming = naming };
	*out = NULL;
	*count = 0;
	list_scale(&list, config);
	family_text_tower(config)->list(&list, config);
	family_image_tower(config)->list(&list, config);
	clipcls_status status = check_list(&list, error);
	if (status != CLIPCLS_OK) {
		free(list.specs);
		return status;
	}
	*out = list.specs;
	*count = list.count;
	return CLIPCLS_OK;
}

void tensor_source_shape(size_t shape[TENSOR_RANK_LIMIT], size_t *rank,
                         const struct tensor_spec *spec)
{
	memcpy(shape, spec->shape, sizeof spec->shape);
	*rank = spec->rank;
	switch (spec->operation) {
	case TENSOR_COPY:
	case TENSOR_QUANTIZED: break;
	case TENSOR_TRANSPOSE:
		shape[0] = spec->shape[1];
		shape[1] = spec->shape[0];
		break;
	case TENSOR_PART:
		shape[0] = spec->parts * spec->shape[0]; /* few parts of less than 2^31 */
		break;
	case TENSOR_BLOCKED:
		*rank = 4;
		shape[0] = (spec->shape[0] + TENSOR_BLOCK - 1) / TENSOR_BLOCK;
		shape[1] = (spec->shape[1] + TENSOR_BLOCK - 1) / TENSOR_BLOCK;
		shape[2] = shape[3] = TENSOR_BLOCK;
		break;
	}
	memmove(shape + spec->ones, shape, *rank * sizeof *shape);
	for (size_t i = 0; i < spec->ones; i++)
		shape[i] = 1;
	*rank += spec->ones;
}

size_t tensor_elements(const struct tensor_spec *spec)
{
	size_t n = 1;
	for (size_t i = 0; i < spec->rank; i++)
		n *= spec->shape[i];
	return n;
}

bool tensor_is_ignored(const char *name)
{
	static const char *const names[] = { "attn_mask", "input_resolution", "context_length",
		                                 "vocab_size",
		                                 /* ALIGN's, whose embedding is not pooled by it */
		                                 "text_model.pooler.dense.weight",
		                                 "text_model.pooler.dense.bias" };
	static const char *const suffixes[] = { ".position_ids", ".relative_position_index",
		                                    ".attn_mask", ".num_batches_tracked",
		                                    ".token_type_ids" };
	size_t length = strlen(name);
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		size_t n = strlen(suffixes[i]);
		if (length >= n && strcmp(name + length - n, suffixes[i]) == 0)
			return true;
	}
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
