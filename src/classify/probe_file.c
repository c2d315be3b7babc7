/* Probes as files, as docs/probes.md has them. */
#include "classify/probe.h"

#include "base/memory.h"
#include "classify/model.h"
#include "model/safetensors_write.h"
#include "model/signature.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "clipcls-probe"
#define VERSION "1"
#define TENSORS 4

clipcls_status clipcls_probe_save(const clipcls_probe *probe, const char *path,
                                  clipcls_error *error)
{
	size_t L = clipcls_labels_count(probe->labels);
	struct buffer names = { 0 };
	char C[32]; /* 17 digits give back the same double */
	snprintf(C, sizeof C, "%.17g", probe->C);
	for (size_t i = 0; i < L; i++) {
		buffer_text(&names, clipcls_labels_text(probe->labels, i));
		buffer_byte(&names, '\n');
	}
	const struct safetensors_pair metadata[] = { { "format", FORMAT, 0 },
		                                         { "format_version", VERSION, 0 },
		                                         { "C", C, 0 } };
	const struct safetensors_tensor tensors[TENSORS] = {
		safetensors_tensor_of("weight", DTYPE_F32, L, probe->E, probe->weight),
		safetensors_tensor_of("bias", DTYPE_F32, L, 0, probe->bias),
		safetensors_tensor_of("model_signature", DTYPE_F32, probe->signature_size, 0,
		                      probe->signature),
		safetensors_tensor_of("classes", DTYPE_U8, names.size, 0, names.bytes),
	};
	const struct safetensors_layout layout = { metadata, sizeof metadata / sizeof *metadata,
		                                       tensors, TENSORS };
	clipcls_status status =
	    names.failed ? error_memory(error) : safetensors_write(path, &layout, error);
	buffer_free(&names);
	return status;
}

/* ---- opening -------------------------------------------------------------------------------- */

static clipcls_status check_metadata(double *C, const struct safetensors *file,
                                     clipcls_error *error)
{
	const char *path = safetensors_path(file), *format = safetensors_metadata(file, "format");
	const char *version = safetensors_metadata(file, "format_version");
	const char *text = safetensors_metadata(file, "C");
	char *end = NULL;
	if (format == NULL || strcmp(format, FORMAT) != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: is not a probe", path);
	if (version == NULL || strcmp(version, VERSION) != 0)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: is a probe of format version %.20s, and %s is what can be read", path,
		                 version != NULL ? version : "(none)", VERSION);
	if (safetensors_count(file) != TENSORS)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: has %zu tensors, and a probe has %d", path,
		                 safetensors_count(file), TENSORS);
	*C = text != NULL ? strtod(text, &end) : 0;
	if (text == NULL || *end != '\0' || !(*C > 0) || !isfinite(*C))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: \"C\" is no number above 0", path);
	return CLIPCLS_OK;
}

/* The tensor of a name, which must be of this dtype and rank, and finite where it is floats. */
static clipcls_status find(const struct safetensors_tensor **out, const struct safetensors *file,
                           const char *name, enum dtype dtype, size_t rank, clipcls_error *error)
{
	const struct safetensors_tensor *tensor = safetensors_find(file, name);
	const char *path = safetensors_path(file);
	if (tensor == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" is missing", path, name);
	if (tensor->dtype != dtype || tensor->rank != rank)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: tensor \"%s\" is %s with %zu dimensions, not %s with %zu", path, name,
		                 dtype_name(tensor->dtype), tensor->rank, dtype_name(dtype), rank);
	if (dtype == DTYPE_F32 && !dtype_all_finite(tensor->data, dtype, tensor->elements))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" holds infinity or NaN", path,
		                 name);
	*out = tensor;
	return CLIPCLS_OK;
}

/* Every line is a name as clipcls_labels_add takes it, unchanged. */
static clipcls_status read_names(clipcls_labels *labels, const struct safetensors_tensor *classes,
                                 const char *path, clipcls_error *error)
{
	const char *line = (const char *)classes->data, *end = line + classes->bytes, *stop;
	clipcls_status status = CLIPCLS_OK;
	for (; status == CLIPCLS_OK && line < end; line = stop + 1) {
		stop = memchr(line, '\n', (size_t)(end - line));
		if (stop == NULL)
			return error_set(error, CLIPCLS_ERR_FORMAT, "%s: the last class has no newline", path);
		char *name = memory_string(line, (size_t)(stop - line));
		if (name == NULL)
			return error_memory(error);
		status = clipcls_labels_add(labels, name, NULL, 0, error);
		size_t last = clipcls_labels_count(labels) - 1;
		if (status != CLIPCLS_OK)
			error_prefix(error, "%s: classes: ", path);
		else if (strlen(clipcls_labels_text(labels, last)) != (size_t)(stop - line))
			status = error_set(error, CLIPCLS_ERR_FORMAT,
			                   "%s: class %zu has space around it or a NUL in it", path, last);
		free(name);
	}
	return status;
}

struct parts {
	const struct safetensors_tensor *weight, *bias, *signature, *classes;
};

static clipcls_status find_parts(struct parts *parts, const struct safetensors *file,
                                 clipcls_error *error)
{
	clipcls_status status = find(&parts->weight, file, "weight", DTYPE_F32, 2, error);
	if (status == CLIPCLS_OK)
		status = find(&parts->bias, file, "bias", DTYPE_F32, 1, error);
	if (status == CLIPCLS_OK)
		status = find(&parts->signature, file, "model_signature", DTYPE_F32, 1, error);
	if (status == CLIPCLS_OK)
		status = find(&parts->classes, file, "classes", DTYPE_U8, 1, error);
	if (status != CLIPCLS_OK)
		return status;
	size_t L = parts->weight->shape[0], biases = parts->bias->shape[0];
	if (L < 2 || biases != L)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: has weights of %zu classes and biases of %zu", safetensors_path(file),
		                 L, biases);
	return CLIPCLS_OK;
}

/* The probe of tensors that fit each other, without its names. */
static clipcls_status copy_parts(clipcls_probe **out, const struct parts *parts,
                                 clipcls_error *error)
{
	clipcls_probe *probe = probe_new(parts->weight->shape[0], parts->weight->shape[1]);
	*out = probe;
	if (probe != NULL)
		probe->signature = memory_floats(parts->signature->elements);
	if (probe == NULL || probe->signature == NULL)
		return error_memory(error);
	probe->signature_size = parts->signature->elements;
	memcpy(probe->weight, parts->weight->data, parts->weight->bytes);
	memcpy(probe->bias, parts->bias->data, parts->bias->bytes);
	memcpy(probe->signature, parts->signature->data, parts->signature->bytes);
	return clipcls_labels_new(&probe->labels, error);
}

static clipcls_status check_model(const clipcls_probe *probe, clipcls_model *model,
                                  const char *path, clipcls_error *error)
{
	size_t E = clipcls_model_embedding_size(model);
	const char *model_path = checkpoint_path(model->checkpoint);
	bool same;
	if (probe->E != E)
		return error_set(error, CLIPCLS_ERR_ARGUMENT,
		                 "%s: is a probe for embeddings of %zu numbers; those of %s have %zu", path,
		                 probe->E, model_path, E);
	clipcls_status status =
	    model_is_of(&same, model->checkpoint, probe->signature, probe->signature_size, error);
	if (status == CLIPCLS_OK && !same)
		status = error_set(error, CLIPCLS_ERR_ARGUMENT,
		                   "%s: was trained with another model than %s", path, model_path);
	return status;
}

static clipcls_status read_probe(clipcls_probe **out, const struct safetensors *file,
                                 clipcls_model *model, clipcls_error *error)
{
	const char *path = safetensors_path(file);
	struct parts parts;
	double C = 0;
	clipcls_status status = check_metadata(&C, file, error);
	if (status == CLIPCLS_OK)
		status = find_parts(&parts, file, error);
	if (status == CLIPCLS_OK)
		status = copy_parts(out, &parts, error);
	if (status != CLIPCLS_OK)
		return status;
	clipcls_probe *probe = *out;
	probe->C = C;
	status = read_names(probe->labels, parts.classes, path, error);
	if (status == CLIPCLS_OK && clipcls_labels_count(probe->labels) != parts.weight->shape[0])
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: names %zu classes and has %zu", path,
		                   clipcls_labels_count(probe->labels), parts.weight->shape[0]);
	return status == CLIPCLS_OK ? check_model(probe, model, path, error) : status;
}

clipcls_status clipcls_probe_open(clipcls_probe **out, clipcls_model *model, const char *path,
                                  clipcls_error *error)
{
	struct safetensors *file = NULL;
	*out = NULL;
	clipcls_status status = safetensors_open(&file, path, error);
	if (status == CLIPCLS_OK)
		status = read_probe(out, file, model, error);
	status = safetensors_outcome(file, status, error);
	if (status != CLIPCLS_OK) {
		clipcls_probe_free(*out);
		*out = NULL;
	}
	safetensors_free(file);
	return status;
}
