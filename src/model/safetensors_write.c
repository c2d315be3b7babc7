#include "model/safetensors_write.h"

#include "base/output_file.h"

#include <string.h>

#define LENGTH_BYTES 8

static void write_string(struct buffer *out, const char *text, size_t size)
{
	json_write_string(out, text, size > 0 ? size : strlen(text));
}

static void write_metadata(struct buffer *out, const struct safetensors_layout *layout)
{
	buffer_text(out, "\"__metadata__\":{");
	for (size_t i = 0; i < layout->pairs; i++) {
		const struct safetensors_pair *pair = &layout->metadata[i];
		if (i > 0)
			buffer_byte(out, ',');
		write_string(out, pair->key, 0);
		buffer_byte(out, ':');
		write_string(out, pair->value, pair->size);
	}
	buffer_byte(out, '}');
}

void safetensors_write_header(struct buffer *out, const struct safetensors_layout *layout)
{
	size_t begin = 0, start = out->size;
	buffer_append(out, "\0\0\0\0\0\0\0\0", LENGTH_BYTES);
	buffer_byte(out, '{');
	write_metadata(out, layout);
	for (size_t i = 0; i < layout->count; i++) {
		const struct safetensors_tensor *tensor = &layout->tensors[i];
		buffer_byte(out, ',');
		write_string(out, tensor->name, 0);
		buffer_format(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_name(tensor->dtype));
		for (size_t d = 0; d < tensor->rank; d++)
			buffer_format(out, d > 0 ? ",%zu" : "%zu", tensor->shape[d]);
		buffer_format(out, "],\"data_offsets\":[%zu,%zu]}", begin, begin + tensor->bytes);
		begin += tensor->bytes;
	}
	buffer_byte(out, '}');
	while (!out->failed && (out->size - start) % SAFETENSORS_ALIGNMENT != 0)
		buffer_byte(out, ' ');
	for (size_t i = 0; i < LENGTH_BYTES && !out->failed; i++)
		out->bytes[start + i] =
		    (char)((uint64_t)(out->size - start - LENGTH_BYTES) >> 8 * i & 0xff);
}

struct safetensors_tensor safetensors_tensor_of(const char *name, enum dtype dtype, size_t rows,
                                                size_t columns, const void *data)
{
	size_t elements = columns > 0 ? rows * columns : rows;
	return (struct safetensors_tensor){ .name = name,
		                                .dtype = dtype,
		                                .rank = columns > 0 ? 2 : 1,
		                                .shape = { rows, columns },
		                                .data = data,
		                                .elements = elements,
		                                .bytes = elements * dtype_bytes(dtype) };
}

clipcls_status safetensors_write(const char *path, const struct safetensors_layout *layout,
                                 clipcls_error *error)
{
	struct output_file file = { .fd = -1 };
	struct buffer header = { 0 };
	safetensors_write_header(&header, layout);
	uint64_t offset = header.size;
	clipcls_status status = header.failed ? error_memory(error) : CLIPCLS_OK;
	if (status == CLIPCLS_OK)
		status = output_file_open(&file, path, 0644, error);
	if (status == CLIPCLS_OK)
		status = output_file_write(&file, 0, header.bytes, header.size, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < layout->count; i++) {
		const struct safetensors_tensor *tensor = &layout->tensors[i];
		status = output_file_write(&file, offset, tensor->data, tensor->bytes, error);
		offset += tensor->bytes;
	}
	if (status == CLIPCLS_OK)
		status = output_file_commit(&file, error);
	output_file_close(&file);
	buffer_free(&header);
	return status;
}
