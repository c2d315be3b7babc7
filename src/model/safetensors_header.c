/* The header of one safetensors file: from its bytes to checked descriptions of its tensors. */
#include "model/safetensors_header.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 8

/* Where the tensors of one file lie. */
struct source {
	const char *path;
	const unsigned char *data; /* (data_size), behind the header */
	size_t data_size;
};

/* The bytes of a tensor inside its file's data. */
struct span {
	size_t begin, end;
	const char *name;
};

static clipcls_status bad_tensor(clipcls_error *error, const char *path, const char *name,
                                 const char *what)
{
	return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\": %s", path, name, what);
}

static clipcls_status parse_shape(struct safetensors_tensor *tensor, const json *shape,
                                  clipcls_error *error)
{
	if (!json_is_array(shape))
		return bad_tensor(error, tensor->path, tensor->name, "has no shape");
	tensor->elements = 1;
	for (const json *node = json_first(shape); node != NULL; node = json_next(node)) {
		if (tensor->rank == SAFETENSORS_RANK_LIMIT)
			return bad_tensor(error, tensor->path, tensor->name, "has more than 8 dimensions");
		size_t *length = &tensor->shape[tensor->rank++];
		if (!json_size(node, length))
			return bad_tensor(error, tensor->path, tensor->name,
			                  "a dimension is not a whole number");
		if (!size_mul(tensor->elements, *length, &tensor->elements))
			return bad_tensor(error, tensor->path, tensor->name, "shape is too large");
	}
	if (!size_mul(tensor->elements, dtype_bytes(tensor->dtype), &tensor->bytes))
		return bad_tensor(error, tensor->path, tensor->name, "shape is too large");
	return CLIPCLS_OK;
}

/* data_size: bytes behind the header. */
static clipcls_status parse_span(struct span *span, const struct safetensors_tensor *tensor,
                                 const json *offsets, size_t data_size, clipcls_error *error)
{
	const json *begin = json_first(offsets), *end = json_next(begin);
	if (!json_is_array(offsets) || json_next(end) != NULL || !json_size(begin, &span->begin) ||
	    !json_size(end, &span->end))
		return bad_tensor(error, tensor->path, tensor->name,
		                  "data_offsets are not two whole numbers");
	span->name = tensor->name;
	if (span->begin > span->end || span->end > data_size)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: tensor \"%s\": data_offsets %zu to %zu are outside the file's %zu "
		                 "bytes of data",
		                 tensor->path, tensor->name, span->begin, span->end, data_size);
	if (span->end - span->begin != tensor->bytes)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: tensor \"%s\": shape and dtype take %zu bytes, data_offsets give %zu",
		                 tensor->path, tensor->name, tensor->bytes, span->end - span->begin);
	return CLIPCLS_OK;
}

static clipcls_status parse_tensor(struct safetensors_tensor *tensor, struct span *span,
                                   const json *node, const struct source *source,
                                   clipcls_error *error)
{
	*tensor = (struct safetensors_tensor){ .name = json_key(node), .path = source->path };
	if (!json_is_object(node))
		return bad_tensor(error, tensor->path, tensor->name, "is not described by an object");
	const json *dtype = NULL, *shape = NULL, *offsets = NULL;
	for (const json *child = json_first(node); child != NULL; child = json_next(child)) {
		const char *key = json_key(child);
		if (strcmp(key, "dtype") == 0)
			dtype = child;
		else if (strcmp(key, "shape") == 0)
			shape = child;
		else if (strcmp(key, "data_offsets") == 0)
			offsets = child;
		else
			return error_set(error, CLIPCLS_ERR_FORMAT, "%s: tensor \"%s\": unknown key \"%s\"",
			                 tensor->path, tensor->name, key);
	}
	if (!json_is_string(dtype))
		return bad_tensor(error, tensor->path, tensor->name, "has no dtype");
	if (!dtype_from_name(&tensor->dtype, json_string(dtype, "")))
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: tensor \"%s\": unknown dtype %s",
		                 tensor->path, tensor->name, json_string(dtype, ""));
	clipcls_status status = parse_shape(tensor, shape, error);
	if (status == CLIPCLS_OK)
		status = parse_span(span, tensor, offsets, source->data_size, error);
	if (status == CLIPCLS_OK)
		tensor->data = source->data + span->begin;
	return status;
}

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Spans follow each other from 0 to the end of the file. */
static clipcls_status check_spans(struct span *spans, size_t n, size_t data_size, const char *path,
                                  clipcls_error *error)
{
	size_t position = 0;
	if (n > 1)
		qsort(spans, n, sizeof *spans, compare_spans);
	for (size_t i = 0; i < n; i++) {
		if (spans[i].begin != position)
			return error_set(error, CLIPCLS_ERR_FORMAT,
			                 "%s: tensor \"%s\": %s at byte %zu of the data", path, spans[i].name,
			                 spans[i].begin < position ? "overlaps another" : "leaves a hole",
			                 spans[i].begin < position ? spans[i].begin : position);
		position = spans[i].end;
	}
	if (position != data_size)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: %zu bytes of data, but the tensors take %zu", path, data_size,
		                 position);
	return CLIPCLS_OK;
}

static clipcls_status check_metadata(const json *metadata, const char *path, clipcls_error *error)
{
	bool good = json_is_object(metadata);
	for (const json *node = json_first(metadata); node != NULL && good; node = json_next(node))
		good = json_is_string(node);
	return good ? CLIPCLS_OK
	            : error_set(error, CLIPCLS_ERR_FORMAT,
	                        "%s: __metadata__ is not an object of strings", path);
}

/* The header's text, checked for its length alone. */
static clipcls_status find_header(const char **text, size_t *length_out, const unsigned char *bytes,
                                  size_t size, const char *path, clipcls_error *error)
{
	if (size < LENGTH_BYTES)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: %zu bytes are too few for a safetensors file", path, size);
	uint64_t length = 0;
	for (size_t i = LENGTH_BYTES; i-- > 0;)
		length = length << 8 | bytes[i];
	if (length > SAFETENSORS_HEADER_LIMIT)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: header of %llu bytes is above the limit of %zu; not a safetensors "
		                 "file?",
		                 path, (unsigned long long)length, SAFETENSORS_HEADER_LIMIT);
	if (length > size - LENGTH_BYTES)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: header of %llu bytes is longer than the file; cut off?", path,
		                 (unsigned long long)length);
	*text = (const char *)bytes + LENGTH_BYTES;
	*length_out = (size_t)length;
	if (length == 0 || **text != '{')
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: header is not a JSON object", path);
	if (!utf8_valid(*text, (size_t)length))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: header is not UTF-8", path);
	return CLIPCLS_OK;
}

static clipcls_status parse_tensors(struct safetensors_tensor *tensors, struct span *spans,
                                    size_t *count, const json *header, const struct source *source,
                                    clipcls_error *error)
{
	for (const json *node = json_first(header); node != NULL; node = json_next(node)) {
		clipcls_status status;
		if (strcmp(json_key(node), "__metadata__") == 0) {
			status = check_metadata(node, source->path, error);
		} else if (*count == SAFETENSORS_TENSOR_LIMIT) {
			status = error_set(error, CLIPCLS_ERR_FORMAT, "%s: more than %zu tensors", source->path,
			                   SAFETENSORS_TENSOR_LIMIT);
		} else {
			status = parse_tensor(&tensors[*count], &spans[*count], node, source, error);
			(*count)++;
		}
		if (status != CLIPCLS_OK)
			return status;
	}
	return check_spans(spans, *count, source->data_size, source->path, error);
}

clipcls_status safetensors_header_parse(struct safetensors_header *out, const unsigned char *bytes,
                                        size_t size, const char *path, clipcls_error *error)
{
	const char *text = NULL;
	size_t length = 0;
	struct span *spans = NULL;
	*out = (struct safetensors_header){ 0 };
	clipcls_status status = find_header(&text, &length, bytes, size, path, error);
	if (status != CLIPCLS_OK)
		return status;
	status = json_parse(&out->json, text, length, path, error);
	if (status != CLIPCLS_OK)
		return status;
	size_t room = size_min(json_count(out->json), SAFETENSORS_TENSOR_LIMIT);
	out->bytes = LENGTH_BYTES + length;
	struct source source = { path, bytes + out->bytes, size - out->bytes };
	out->tensors = memory_new(room, sizeof *out->tensors);
	spans = memory_new(room, sizeof *spans);
	if (out->tensors == NULL || spans == NULL)
		status = error_memory(error);
	else
		status = parse_tensors(out->tensors, spans, &out->count, out->json, &source, error);
	free(spans);
	if (status != CLIPCLS_OK)
		safetensors_header_free(out);
	return status;
}

void safetensors_header_free(struct safetensors_header *header)
{
	json_free(header->json);
	free(header->tensors);
	*header = (struct safetensors_header){ 0 };
}
