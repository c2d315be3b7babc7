/* The project's own single file: everything about the model in one safetensors file, with a
 * checksum for each part of it. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "model/layout.h"
#include "model/single.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* hash(data, seed = hash("NAME DTYPE D0,D1,..."), seed 0) */
uint64_t single_tensor_checksum(const struct safetensors_tensor *tensor)
{
	char shape[SAFETENSORS_RANK_LIMIT * 21 + 32];
	size_t n = (size_t)snprintf(shape, sizeof shape, " %s ", dtype_name(tensor->dtype));
	for (size_t i = 0; i < tensor->rank; i++)
		n +=
		    (size_t)snprintf(shape + n, sizeof shape - n, i > 0 ? ",%zu" : "%zu", tensor->shape[i]);
	uint64_t seed = hash_bytes(tensor->name, strlen(tensor->name), 0);
	return hash_bytes(tensor->data, tensor->bytes, hash_bytes(shape, n, seed));
}

uint64_t single_config_checksum(const char *config)
{
	return hash_bytes(config, strlen(config), 0);
}

void single_checksum_text(char out[SINGLE_CHECKSUM_SIZE], uint64_t checksum)
{
	snprintf(out, SINGLE_CHECKSUM_SIZE, "xxh3:%016llx", (unsigned long long)checksum);
}

bool single_checksum_parse(uint64_t *out, const char *text)
{
	char again[SINGLE_CHECKSUM_SIZE];
	if (strlen(text) != SINGLE_CHECKSUM_SIZE - 1)
		return false;
	*out = strtoull(text + strlen("xxh3:"), NULL, 16);
	single_checksum_text(again, *out);
	return strcmp(again, text) == 0;
}

bool layout_single_is_file(const char *name)
{
	static const char *const names[] = { SINGLE_CLASSES,        SINGLE_VOCAB,  SINGLE_MERGES,
		                                 SINGLE_TOKENIZER_JSON, SINGLE_SPIECE, SINGLE_VOCAB_TXT };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static clipcls_status check_version(enum tensor_form *form, const struct safetensors *weights,
                                    const char *path, clipcls_error *error)
{
	const char *format = safetensors_metadata(weights, "format");
	const char *version = safetensors_metadata(weights, "format_version");
	if (format == NULL || strcmp(format, SINGLE_FORMAT) != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: not written by clipcls convert; of a downloaded checkpoint, give the "
		                 "directory",
		                 path);
	if (version != NULL && strcmp(version, SINGLE_VERSION_ROWS) == 0)
		*form = TENSOR_FORM_ROWS;
	else if (version != NULL && strcmp(version, SINGLE_VERSION_BLOCKS) == 0)
		*form = TENSOR_FORM_BLOCKED;
	else if (version != NULL && strcmp(version, SINGLE_VERSION_INT8) == 0)
		*form = TENSOR_FORM_QUANTIZED;
	else
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: format_version %s is none of " SINGLE_VERSION_ROWS
		                 ", " SINGLE_VERSION_BLOCKS ", " SINGLE_VERSION_INT8,
		                 path, version != NULL ? version : "(none)");
	return CLIPCLS_OK;
}

/* Checksums of all tensors, in the order of the file, and the config's. */
static clipcls_status read_checksums(struct checkpoint *checkpoint, uint64_t *config,
                                     clipcls_error *error)
{
	const struct safetensors *weights = checkpoint->weights;
	const char *path = checkpoint->path;
	const char *text = safetensors_metadata(weights, "checksums");
	json *root = NULL;
	size_t found = 0, n = safetensors_count(weights);
	bool has_config = false;
	if (text == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: has no checksums", path);
	clipcls_status status = json_parse(&root, text, strlen(text), path, error);
	checkpoint->checksums = memory_new(n, sizeof *checkpoint->checksums);
	if (status == CLIPCLS_OK && checkpoint->checksums == NULL)
		status = error_memory(error);
	if (status == CLIPCLS_OK && !json_is_object(root))
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: checksums are not an object", path);
	for (const json *node = json_first(root); node != NULL && status == CLIPCLS_OK;
	     node = json_next(node)) {
		const struct safetensors_tensor *tensor = safetensors_find(weights, json_key(node));
		bool is_config = strcmp(json_key(node), SINGLE_CONFIG_CHECKSUM) == 0;
		uint64_t checksum;
		if ((tensor == NULL && !is_config) ||
		    !single_checksum_parse(&checksum, json_string(node, "")))
			status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: checksum of \"%s\" is damaged", path,
			                   json_key(node));
		else if (is_config)
			*config = checksum;
		else
			checkpoint->checksums[safetensors_index(weights, tensor)] = checksum;
		has_config = has_config || is_config;
		found++;
	}
	/* Keys are distinct: as many as there are tensors, and the config, are all of them. */
	if (status == CLIPCLS_OK && (!has_config || found != n + 1))
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: a checksum is missing", path);
	json_free(root);
	return status;
}

static clipcls_status read_config(struct checkpoint *checkpoint, uint64_t checksum,
                                  clipcls_error *error)
{
	const char *text = safetensors_metadata(checkpoint->weights, "config");
	if (text == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: has no config", checkpoint->path);
	if (single_config_checksum(text) != checksum)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: config is damaged: its checksum does not match", checkpoint->path);
	return single_config_read(&checkpoint->config, text, checkpoint->path, error);
}

/* *bytes stays NULL when the file does not carry that one. */
static clipcls_status find_file(const struct checkpoint *checkpoint, const char *name,
                                const char **bytes, size_t *size, clipcls_error *error)
{
	const struct safetensors_tensor *tensor = safetensors_find(checkpoint->weights, name);
	if (tensor == NULL)
		return CLIPCLS_OK;
	if (tensor->dtype != DTYPE_U8 || tensor->rank != 1)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\" is not a list of bytes",
		                 checkpoint->path, name);
	uint64_t wanted = checkpoint->checksums[safetensors_index(checkpoint->weights, tensor)];
	if (single_tensor_checksum(tensor) != wanted)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: tensor \"%s\" is damaged: its checksum does not match",
		                 checkpoint->path, name);
	*bytes = (const char *)tensor->data;
	*size = tensor->bytes;
	return CLIPCLS_OK;
}

clipcls_status layout_single_open(struct checkpoint *checkpoint, clipcls_error *error)
{
	struct tokenizer_files *files = &checkpoint->tokenizer;
	uint64_t config_checksum = 0;
	clipcls_status status =
	    check_version(&checkpoint->naming.form, checkpoint->weights, checkpoint->path, error);
	if (status == CLIPCLS_OK)
		status = read_checksums(checkpoint, &config_checksum, error);
	if (status == CLIPCLS_OK)
		status = read_config(checkpoint, config_checksum, error);
	if (status == CLIPCLS_OK)
		status = find_file(checkpoint, SINGLE_VOCAB, &files->vocab, &files->vocab_size, error);
	if (status == CLIPCLS_OK)
		status = find_file(checkpoint, SINGLE_MERGES, &files->merges, &files->merges_size, error);
	if (status == CLIPCLS_OK)
		status = find_file(checkpoint, SINGLE_TOKENIZER_JSON, &files->tokenizer_json,
		                   &files->tokenizer_json_size, error);
	if (status == CLIPCLS_OK)
		status = find_file(checkpoint, SINGLE_SPIECE, &files->spiece, &files->spiece_size, error);
	if (status == CLIPCLS_OK)
		status = find_file(checkpoint, SINGLE_VOCAB_TXT, &files->vocab_txt, &files->vocab_txt_size,
		                   error);
	if (status == CLIPCLS_OK)
		status = find_file(checkpoint, SINGLE_CLASSES, &checkpoint->class_names,
		                   &checkpoint->class_names_size, error);
	if (status == CLIPCLS_OK && (files->vocab == NULL) != (files->merges == NULL))
		status = error_set(error, CLIPCLS_ERR_FORMAT,
		                   "%s: carries only one of " SINGLE_VOCAB " and " SINGLE_MERGES,
		                   checkpoint->path);
	if (status == CLIPCLS_OK && checkpoint->class_names != NULL &&
	    !utf8_valid(checkpoint->class_names, checkpoint->class_names_size))
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"classes\" is not UTF-8",
		                   checkpoint->path);
	files->path = checkpoint->path;
	return status;
}
