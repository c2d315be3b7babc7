/* Writing a checkpoint as a single file. The header's size does not depend on the checksums, so
 * data is written once, tensor by tensor, and the header last. */
#include "base/buffer.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "base/utf8.h"
#include "model/convert_weights.h"
#include "model/safetensors_write.h"
#include "model/single.h"

#include <stdlib.h>
#include <string.h>

#define FILES_LIMIT 6 /* tokenizer files and class names */

/* One tensor of the output. */
struct item {
	struct checkpoint_tensor *weight; /* NULL for a file that rides along */
	enum written_form form;           /* of a weight */
	char *name;                       /* where the tensor's is not the weight's; else NULL */
	struct safetensors_tensor tensor; /* data: of files only, until it is written */
	size_t begin;                     /* of its data, behind the header */
	uint64_t checksum;
};

struct writer {
	struct checkpoint *checkpoint;
	struct item *items; /* in the order of the data */
	size_t count;
	struct buffer config;
	enum written_form linears; /* how the blocks' linear weights are written */
	char *classes;             /* read from beside the source's config; NULL = none */
	size_t classes_size;
};

/* What every reader can use from the mapping comes first, and so on down to single bytes: all
 * tensors then lie at multiples of their elements' size. */
static int alignment_group(const struct safetensors_tensor *tensor)
{
	if (tensor->bytes % SAFETENSORS_ALIGNMENT == 0)
		return 0;
	switch (dtype_bytes(tensor->dtype)) {
	case 4: return 1;
	case 2: return 2;
	default: return 3;
	}
}

/* suffix: of the weight's name. */
static clipcls_status weight_item(struct item *item, struct checkpoint_tensor *weight,
                                  enum written_form form, const char *suffix, enum dtype dtype,
                                  clipcls_error *error)
{
	struct tensor_spec written = weight->spec;
	written.operation = form == WRITTEN_BLOCKS ? TENSOR_BLOCKED : TENSOR_COPY;
	written.ones = 0;
	written.rank = form == WRITTEN_SCALES ? 1 : written.rank;
	*item = (struct item){ .weight = weight, .form = form };
	item->tensor.name = weight->spec.name;
	if (suffix[0] != '\0') {
		struct buffer name = { 0 };
		buffer_format(&name, "%s%s", weight->spec.name, suffix);
		if (name.failed)
			return error_memory(error);
		item->tensor.name = item->name = name.bytes;
	}
	item->tensor.dtype = dtype;
	tensor_source_shape(item->tensor.shape, &item->tensor.rank, &written);
	item->tensor.elements = 1;
	for (size_t i = 0; i < item->tensor.rank; i++)
		item->tensor.elements *= item->tensor.shape[i];
	item->tensor.bytes = item->tensor.elements * dtype_bytes(item->tensor.dtype);
	return CLIPCLS_OK;
}

/* Appends a weight, which may be two tensors. dtype: NULL = as stored. */
static clipcls_status add_weight(struct item *items, size_t *n, const struct writer *writer,
                                 struct checkpoint_tensor *weight, const enum dtype *dtype,
                                 clipcls_error *error)
{
	enum written_form form = weight->spec.linear ? writer->linears : WRITTEN_ROWS;
	enum dtype written = dtype != NULL ? *dtype : weight->source->dtype;
	if (form != WRITTEN_INT8)
		return weight_item(&items[(*n)++], weight, form,
		                   form == WRITTEN_BLOCKS ? TENSOR_BLOCKED_SUFFIX : "", written, error);
	clipcls_status status = weight_item(&items[(*n)++], weight, form, "", DTYPE_I8, error);
	if (status == CLIPCLS_OK)
		status = weight_item(&items[(*n)++], weight, WRITTEN_SCALES, TENSOR_SCALE_SUFFIX, DTYPE_F32,
		                     error);
	return status;
}

/* Blocks are worth it where they need not be filled up: a width that 64 does not divide would make
 * the file larger. */
static bool blocks_are_full(const struct checkpoint *checkpoint)
{
	for (size_t i = 0; i < checkpoint->count; i++) {
		const struct tensor_spec *spec = &checkpoint->tensors[i].spec;
		if (spec->linear &&
		    (spec->shape[0] % TENSOR_BLOCK != 0 || spec->shape[1] % TENSOR_BLOCK != 0))
			return false;
	}
	return true;
}

static void add_file(struct item *items, size_t *n, const char *name, const char *bytes,
                     size_t size)
{
	if (bytes == NULL)
		return;
	struct item *item = &items[(*n)++];
	*item = (struct item){ 0 };
	item->tensor = (struct safetensors_tensor){ .name = name,
		                                        .dtype = DTYPE_U8,
		                                        .rank = 1,
		                                        .shape = { size },
		                                        .data = (const unsigned char *)bytes,
		                                        .elements = size,
		                                        .bytes = size };
}

/* Lists the output's tensors in the order of their data. dtype: of floats; NULL = as stored. */
static clipcls_status plan(struct writer *writer, const enum dtype *dtype, clipcls_error *error)
{
	const struct checkpoint *checkpoint = writer->checkpoint;
	const struct tokenizer_files *files = &checkpoint->tokenizer;
	size_t n = 0;
	size_t room = 2 * checkpoint->count + FILES_LIMIT; /* count: SAFETENSORS_TENSOR_LIMIT at most */
	struct item *unordered = memory_new(room, sizeof *unordered);
	writer->items = memory_new(room, sizeof *writer->items);
	if (unordered == NULL || writer->items == NULL) {
		free(unordered);
		return error_memory(error);
	}
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; i < checkpoint->count && status == CLIPCLS_OK; i++)
		status = add_weight(unordered, &n, writer, &checkpoint->tensors[i], dtype, error);
	add_file(unordered, &n, SINGLE_VOCAB, files->vocab, files->vocab_size);
	add_file(unordered, &n, SINGLE_MERGES, files->merges, files->merges_size);
	add_file(unordered, &n, SINGLE_TOKENIZER_JSON, files->tokenizer_json,
	         files->tokenizer_json_size);
	add_file(unordered, &n, SINGLE_SPIECE, files->spiece, files->spiece_size);
	add_file(unordered, &n, SINGLE_VOCAB_TXT, files->vocab_txt, files->vocab_txt_size);
	if (writer->classes != NULL)
		add_file(unordered, &n, SINGLE_CLASSES, writer->classes, writer->classes_size);
	else
		add_file(unordered, &n, SINGLE_CLASSES, checkpoint->class_names,
		         checkpoint->class_names_size);
	if (status == CLIPCLS_OK && n > SAFETENSORS_TENSOR_LIMIT)
		status = error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: more than %zu tensors to write",
		                   checkpoint->path, SAFETENSORS_TENSOR_LIMIT);
	size_t position = 0;
	for (int group = 0; status == CLIPCLS_OK && group <= 3; group++) {
		for (size_t i = 0; i < n; i++) {
			if (alignment_group(&unordered[i].tensor) != group)
				continue;
			unordered[i].begin = position;
			if (!size_add(position, unordered[i].tensor.bytes, &position))
				status = error_memory(error);
			writer->items[writer->count++] = unordered[i];
		}
	}
	for (size_t i = 0; writer->count == 0 && i < n; i++)
		free(unordered[i].name); /* not moved to the writer's list */
	free(unordered);
	return status;
}

/* {"name": "xxh3:...", ...} of all tensors and of the config. */
static void write_checksums(struct buffer *out, const struct writer *writer)
{
	char text[SINGLE_CHECKSUM_SIZE];
	single_checksum_text(text, single_config_checksum(writer->config.bytes));
	buffer_format(out, "{\"" SINGLE_CONFIG_CHECKSUM "\":\"%s\"", text);
	for (size_t i = 0; i < writer->count; i++) {
		single_checksum_text(text, writer->items[i].checksum);
		buffer_format(out, ",\"%s\":\"%s\"", writer->items[i].tensor.name, text);
	}
	buffer_byte(out, '}');
}

static const char *version_of(enum written_form linears)
{
	switch (linears) {
	case WRITTEN_BLOCKS: return SINGLE_VERSION_BLOCKS;
	case WRITTEN_INT8: return SINGLE_VERSION_INT8;
	default: return SINGLE_VERSION_ROWS;
	}
}

static void write_header(struct buffer *out, const struct writer *writer)
{
	struct buffer checksums = { 0 };
	struct safetensors_tensor *tensors = memory_new(writer->count, sizeof *tensors);
	write_checksums(&checksums, writer);
	if (tensors == NULL || checksums.failed) {
		out->failed = true;
	} else {
		const struct safetensors_pair metadata[] = {
			{ "format", SINGLE_FORMAT, 0 },
			{ "format_version", version_of(writer->linears), 0 },
			{ "config", writer->config.bytes, writer->config.size },
			{ "checksums", checksums.bytes, checksums.size },
		};
		for (size_t i = 0; i < writer->count; i++)
			tensors[i] = writer->items[i].tensor;
		const struct safetensors_layout layout = { metadata, sizeof metadata / sizeof *metadata,
			                                       tensors, writer->count };
		safetensors_write_header(out, &layout);
	}
	free(tensors);
	buffer_free(&checksums);
}

static clipcls_status write_item(struct writer *writer, struct item *item, size_t header_size,
                                 struct output_file *file, clipcls_error *error)
{
	unsigned char *bytes = NULL;
	clipcls_status status = CLIPCLS_OK;
	struct safetensors_tensor tensor = item->tensor;
	if (item->weight != NULL) {
		status = written_bytes(&bytes, writer->checkpoint, item->weight, item->form,
		                       item->tensor.dtype, error);
		tensor.data = bytes;
	}
	if (status == CLIPCLS_OK) {
		item->checksum = single_tensor_checksum(&tensor);
		status =
		    output_file_write(file, header_size + item->begin, tensor.data, tensor.bytes, error);
	}
	free(bytes);
	return status;
}

static clipcls_status write_all(struct writer *writer, struct output_file *file,
                                clipcls_error *error)
{
	struct buffer header = { 0 };
	write_header(&header, writer); /* with checksums of zero: for its size */
	size_t header_size = header.size;
	clipcls_status status = header.failed ? error_memory(error) : CLIPCLS_OK;
	for (size_t i = 0; i < writer->count && status == CLIPCLS_OK; i++)
		status = write_item(writer, &writer->items[i], header_size, file, error);
	if (status == CLIPCLS_OK) {
		buffer_clear(&header);
		write_header(&header, writer);
		status = header.failed ? error_memory(error)
		                       : output_file_write(file, 0, header.bytes, header.size, error);
	}
	buffer_free(&header);
	return status;
}

/* classes.txt of a directory. */
static clipcls_status read_classes(struct writer *writer, clipcls_error *error)
{
	if (!file_is_directory(writer->checkpoint->path))
		return CLIPCLS_OK;
	char *path = path_join(writer->checkpoint->path, "classes.txt");
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = CLIPCLS_OK;
	if (file_exists(path)) {
		status =
		    file_read(&writer->classes, &writer->classes_size, path, LAYOUT_CONFIG_LIMIT, error);
		if (status == CLIPCLS_OK && !utf8_valid(writer->classes, writer->classes_size))
			status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: is not UTF-8", path);
	}
	free(path);
	return status;
}

static clipcls_status parse_dtype(enum dtype *out, const char *name, clipcls_error *error)
{
	static const struct {
		const char *name;
		enum dtype dtype;
	} known[] = {
		{ "f32", DTYPE_F32 }, { "f16", DTYPE_F16 }, { "bf16", DTYPE_BF16 }, { "int8", DTYPE_I8 }
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(known[i].name, name) == 0) {
			*out = known[i].dtype;
			return CLIPCLS_OK;
		}
	}
	return error_set(error, CLIPCLS_ERR_ARGUMENT, "dtype \"%s\" is none of f32, f16, bf16, int8",
	                 name);
}

/* dtype: NULL = as stored. */
static enum written_form linear_form(const struct checkpoint *checkpoint, const enum dtype *dtype)
{
	bool int8 =
	    dtype != NULL ? *dtype == DTYPE_I8 : checkpoint->naming.form == TENSOR_FORM_QUANTIZED;
	if (int8)
		return WRITTEN_INT8;
	return blocks_are_full(checkpoint) ? WRITTEN_BLOCKS : WRITTEN_ROWS;
}

clipcls_status checkpoint_write(struct checkpoint *checkpoint, const char *path, const char *dtype,
                                clipcls_error *error)
{
	struct writer writer = { .checkpoint = checkpoint };
	struct output_file file = { .fd = -1 };
	enum dtype wanted = DTYPE_F32;
	clipcls_status status = dtype != NULL ? parse_dtype(&wanted, dtype, error) : CLIPCLS_OK;
	writer.linears = linear_form(checkpoint, dtype != NULL ? &wanted : NULL);
	if (status == CLIPCLS_OK) {
		single_config_write(&writer.config, &checkpoint->config);
		status = writer.config.failed ? error_memory(error) : read_classes(&writer, error);
	}
	if (status == CLIPCLS_OK)
		status = plan(&writer, dtype != NULL && wanted != DTYPE_I8 ? &wanted : NULL, error);
	if (status == CLIPCLS_OK)
		status = output_file_open(&file, path, 0644, error);
	if (status == CLIPCLS_OK)
		status = write_all(&writer, &file, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_intact(checkpoint, error);
	if (status == CLIPCLS_OK)
		status = output_file_commit(&file, error);
	output_file_close(&file);
	buffer_free(&writer.config);
	free(writer.classes);
	for (size_t i = 0; i < writer.count; i++)
		free(writer.items[i].name);
	free(writer.items);
	return status;
}

clipcls_status clipcls_convert(const char *source, const char *path, const char *dtype,
                               const char *layout, clipcls_error *error)
{
	char *located = NULL;
	struct checkpoint *checkpoint = NULL;
	clipcls_status status = model_locate(&located, source, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_open(&checkpoint, located, layout, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_write(checkpoint, path, dtype, error);
	checkpoint_free(checkpoint);
	free(located);
	return status;
}
