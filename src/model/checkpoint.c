#include "model/checkpoint.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/layout.h"
#include "model/single.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "(49408, 512)" */
static void shape_text(char *out, size_t size, const size_t *shape, size_t rank)
{
	size_t used = (size_t)snprintf(out, size, "(");
	for (size_t i = 0; i < rank && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, i > 0 ? ", %zu" : "%zu", shape[i]);
	if (used < size)
		snprintf(out + used, size - used, ")");
}

static clipcls_status check_shape(const struct safetensors_tensor *source, const size_t *wanted,
                                  size_t rank, clipcls_error *error)
{
	if (source->rank == rank && memcmp(source->shape, wanted, rank * sizeof *wanted) == 0)
		return CLIPCLS_OK;
	char has[256], should[128];
	shape_text(has, sizeof has, source->shape, source->rank);
	shape_text(should, sizeof should, wanted, rank);
	return error_set(error, CLIPCLS_ERR_FORMAT,
	                 "%s: tensor \"%s\" has shape %s, the config calls for %s", source->path,
	                 source->name, has, should);
}

static clipcls_status check_source(const struct safetensors_tensor *source,
                                   const struct tensor_spec *spec, clipcls_error *error)
{
	size_t wanted[TENSOR_RANK_LIMIT], rank;
	bool quantized = spec->operation == TENSOR_QUANTIZED;
	if (quantized ? source->dtype != DTYPE_I8 : !dtype_is_weight(source->dtype))
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: tensor \"%s\" is %s; %s",
		                 source->path, source->name, dtype_name(source->dtype),
		                 quantized ? "format_version " SINGLE_VERSION_INT8 " has it as I8"
		                           : "weights are read as F32, F16 and BF16");
	/* A scalar may be stored as (1). */
	if (spec->rank == 0 && source->rank <= 1 && source->elements == 1)
		return CLIPCLS_OK;
	tensor_source_shape(wanted, &rank, spec);
	return check_shape(source, wanted, rank, error);
}

/* Tensors of the file that nothing asked for. used: one flag per tensor of the file. */
static clipcls_status check_extras(const struct checkpoint *checkpoint, const bool *used,
                                   clipcls_error *error)
{
	bool single = strcmp(checkpoint->layout, "single") == 0;
	for (size_t i = 0; i < safetensors_count(checkpoint->weights); i++) {
		const struct safetensors_tensor *tensor = safetensors_at(checkpoint->weights, i);
		bool known = single ? layout_single_is_file(tensor->name) : tensor_is_ignored(tensor->name);
		if (used[i] || known)
			continue;
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: tensor \"%s\" is not one that the config calls for", tensor->path,
		                 tensor->name);
	}
	return CLIPCLS_OK;
}

/* *out = the tensor of this name in the file. */
static clipcls_status find_source(const struct safetensors_tensor **out,
                                  const struct checkpoint *checkpoint, const char *name, bool *used,
                                  clipcls_error *error)
{
	*out = safetensors_find(checkpoint->weights, name);
	if (*out == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" is missing",
		                 safetensors_path(checkpoint->weights), name);
	used[safetensors_index(checkpoint->weights, *out)] = true;
	return CLIPCLS_OK;
}

static clipcls_status bind_scales(struct checkpoint *checkpoint, struct checkpoint_tensor *tensor,
                                  bool *used, clipcls_error *error)
{
	char name[sizeof tensor->spec.source + sizeof TENSOR_SCALE_SUFFIX];
	snprintf(name, sizeof name, "%s" TENSOR_SCALE_SUFFIX, tensor->spec.source);
	clipcls_status status = find_source(&tensor->scales, checkpoint, name, used, error);
	if (status != CLIPCLS_OK)
		return status;
	if (tensor->scales->dtype != DTYPE_F32)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: tensor \"%s\" is %s; scales are read as F32", tensor->scales->path,
		                 name, dtype_name(tensor->scales->dtype));
	return check_shape(tensor->scales, tensor->spec.shape, 1, error);
}

/* Finds one canonical tensor in the file. */
static clipcls_status bind_one(struct checkpoint *checkpoint, struct checkpoint_tensor *tensor,
                               bool *used, clipcls_error *error)
{
	const struct tensor_spec *spec = &tensor->spec;
	clipcls_status status = find_source(&tensor->source, checkpoint, spec->source, used, error);
	if (status == CLIPCLS_OK)
		status = check_source(tensor->source, spec, error);
	if (status == CLIPCLS_OK && spec->operation == TENSOR_QUANTIZED)
		status = bind_scales(checkpoint, tensor, used, error);
	return status;
}

/* Finds every tensor that the config calls for, and refuses what is left over. */
static clipcls_status bind_tensors(struct checkpoint *checkpoint, clipcls_error *error)
{
	struct tensor_spec *specs = NULL;
	size_t n_sources = safetensors_count(checkpoint->weights);
	bool *used = NULL;
	/* So that nothing is allocated by the config's word: each of the file's tensors is at most
	 * three of the config's, and one more cannot be found. */
	size_t most = n_sources <= SAFETENSORS_TENSOR_LIMIT ? 3 * n_sources + 1 : n_sources;
	clipcls_status status = tensors_list(&specs, &checkpoint->count, &checkpoint->config,
	                                     checkpoint->naming, most, error);
	if (status != CLIPCLS_OK) {
		error_prefix(error, "%s: ", checkpoint->path);
		return status;
	}
	used = memory_new(n_sources, sizeof *used);
	checkpoint->verified = memory_new(n_sources, sizeof *checkpoint->verified);
	checkpoint->tensors = memory_new(checkpoint->count, sizeof *checkpoint->tensors);
	checkpoint->by_name = strmap_new(checkpoint->count);
	if (used == NULL || checkpoint->verified == NULL || checkpoint->tensors == NULL ||
	    checkpoint->by_name == NULL)
		status = error_memory(error);
	for (size_t i = 0; i < checkpoint->count && status == CLIPCLS_OK; i++) {
		struct checkpoint_tensor *tensor = &checkpoint->tensors[i];
		tensor->spec = specs[i];
		const char *name = tensor->spec.name;
		if (strmap_put(checkpoint->by_name, name, strlen(name), i) == STRMAP_NO_MEMORY)
			status = error_memory(error);
		else
			status = bind_one(checkpoint, tensor, used, error);
	}
	if (status == CLIPCLS_OK)
		status = check_extras(checkpoint, used, error);
	free(used);
	free(specs);
	return status;
}

static struct checkpoint *new_checkpoint(const char *path, const char *layout)
{
	struct checkpoint *checkpoint = memory_new(1, sizeof *checkpoint);
	if (checkpoint == NULL)
		return NULL;
	checkpoint->layout = layout;
	checkpoint->path = memory_string(path, strlen(path));
	if (checkpoint->path == NULL) {
		free(checkpoint);
		return NULL;
	}
	return checkpoint;
}

/* Reads config and header, and binds the tensors. */
static clipcls_status fill(struct checkpoint *checkpoint, clipcls_error *error)
{
	clipcls_status status;
	if (strcmp(checkpoint->layout, "single") == 0) {
		status = checkpoint->weights != NULL
		             ? CLIPCLS_OK
		             : safetensors_open(&checkpoint->weights, checkpoint->path, error);
		if (status == CLIPCLS_OK)
			status = layout_single_open(checkpoint, error);
	} else if (strcmp(checkpoint->layout, "openclip") == 0) {
		status = layout_openclip_open(checkpoint, error);
	} else {
		status = layout_huggingface_open(checkpoint, error);
	}
	return status == CLIPCLS_OK ? bind_tensors(checkpoint, error) : status;
}

/* Gives the filled checkpoint to the caller, or ends it. */
static clipcls_status finish(struct checkpoint **out, struct checkpoint *checkpoint,
                             clipcls_error *error)
{
	clipcls_status status = fill(checkpoint, error);
	if (status != CLIPCLS_OK)
		checkpoint_free(checkpoint);
	else
		*out = checkpoint;
	return status;
}

/* The literal of a layout's name. */
static clipcls_status layout_from_name(const char **out, const char *name, clipcls_error *error)
{
	static const char *const names[] = { "huggingface", "openclip", "single" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = names[i];
			return CLIPCLS_OK;
		}
	}
	return error_set(error, CLIPCLS_ERR_ARGUMENT,
	                 "layout \"%s\" is none of huggingface, openclip, single", name);
}

clipcls_status checkpoint_open(struct checkpoint **out, const char *path, const char *layout,
                               clipcls_error *error)
{
	const char *known = NULL;
	*out = NULL;
	clipcls_status status = layout != NULL ? layout_from_name(&known, layout, error)
	                                       : layout_detect(&known, path, error);
	if (status != CLIPCLS_OK)
		return status;
	struct checkpoint *checkpoint = new_checkpoint(path, known);
	return checkpoint != NULL ? finish(out, checkpoint, error) : error_memory(error);
}

clipcls_status checkpoint_open_memory(struct checkpoint **out, const void *bytes, size_t size,
                                      const char *name, clipcls_error *error)
{
	*out = NULL;
	struct checkpoint *checkpoint = new_checkpoint(name, "single");
	if (checkpoint == NULL)
		return error_memory(error);
	clipcls_status status = safetensors_open_memory(&checkpoint->weights, bytes, size, name, error);
	if (status != CLIPCLS_OK) {
		checkpoint_free(checkpoint);
		return status;
	}
	return finish(out, checkpoint, error);
}

static void forget_floats(struct checkpoint_tensor *tensor)
{
	free(tensor->owned);
	free(tensor->owned_blocks);
	tensor->owned = tensor->owned_blocks = NULL;
	tensor->floats = tensor->blocks = NULL;
}

struct release {
	struct checkpoint *checkpoint;
	const char *prefix;
};

static void release_tensor(void *context, size_t index, size_t worker)
{
	const struct release *release = context;
	struct checkpoint_tensor *tensor = &release->checkpoint->tensors[index];
	(void)worker;
	if (strncmp(tensor->spec.name, release->prefix, strlen(release->prefix)) != 0)
		return;
	forget_floats(tensor);
	safetensors_forget(release->checkpoint->weights, tensor->source);
}

void checkpoint_release(struct checkpoint *checkpoint, const char *prefix, struct pool *pool)
{
	struct release release = { checkpoint, prefix };
	pool_run(pool, checkpoint->count, release_tensor, &release);
}

void checkpoint_free(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	for (size_t i = 0; checkpoint->tensors != NULL && i < checkpoint->count; i++)
		forget_floats(&checkpoint->tensors[i]);
	for (size_t i = 0; i < sizeof checkpoint->owned / sizeof *checkpoint->owned; i++)
		free(checkpoint->owned[i]);
	strmap_free(checkpoint->by_name);
	free(checkpoint->tensors);
	free(checkpoint->verified);
	free(checkpoint->checksums);
	safetensors_free(checkpoint->weights);
	free(checkpoint->path);
	free(checkpoint);
}

const struct model_config *checkpoint_config(const struct checkpoint *checkpoint)
{
	return &checkpoint->config;
}

const char *checkpoint_path(const struct checkpoint *checkpoint)
{
	return checkpoint->path;
}

const char *checkpoint_layout(const struct checkpoint *checkpoint)
{
	return checkpoint->layout;
}

const char *checkpoint_dtype(const struct checkpoint *checkpoint)
{
	enum dtype first = checkpoint->tensors[0].source->dtype;
	if (checkpoint->naming.form == TENSOR_FORM_QUANTIZED)
		return dtype_name(DTYPE_I8);
	for (size_t i = 1; i < checkpoint->count; i++)
		if (checkpoint->tensors[i].source->dtype != first)
			return "mixed";
	return dtype_name(first);
}

size_t checkpoint_tensor_count(const struct checkpoint *checkpoint)
{
	return checkpoint->count;
}

size_t checkpoint_parameters(const struct checkpoint *checkpoint, const char *prefix)
{
	size_t n = 0, length = strlen(prefix);
	for (size_t i = 0; i < checkpoint->count; i++)
		if (strncmp(checkpoint->tensors[i].spec.name, prefix, length) == 0)
			n += tensor_elements(&checkpoint->tensors[i].spec);
	return n;
}

uint64_t checkpoint_file_bytes(const struct checkpoint *checkpoint)
{
	return safetensors_file_bytes(checkpoint->weights);
}

const struct tokenizer_files *checkpoint_tokenizer_files(const struct checkpoint *checkpoint)
{
	return &checkpoint->tokenizer;
}

const char *checkpoint_class_names(const struct checkpoint *checkpoint, size_t *size)
{
	*size = checkpoint->class_names_size;
	return checkpoint->class_names;
}
