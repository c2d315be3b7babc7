/* Writing an index file. Embeddings may be larger than memory: they go from where they are to the
 * file in pieces, and only paths and numbers are gathered. */
#include "classify/index_file.h"
#include "classify/model.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/output_file.h"
#include "model/safetensors_write.h"
#include "model/signature.h"

#include <stdlib.h>
#include <string.h>

/* Floats that are written at once. */
#define PIECE ((size_t)1 << 18)

/* What stands behind the embeddings. */
struct columns {
	int64_t *sizes, *modified, *ends; /* (n) */
	struct buffer paths;
	float *signature;
	size_t signature_size;
};

static clipcls_status gather(struct columns *columns, const clipcls_entry *entries, size_t n,
                             clipcls_model *model, clipcls_error *error)
{
	columns->sizes = memory_new(n, sizeof *columns->sizes);
	columns->modified = memory_new(n, sizeof *columns->modified);
	columns->ends = memory_new(n, sizeof *columns->ends);
	if (columns->sizes == NULL || columns->modified == NULL || columns->ends == NULL)
		return error_memory(error);
	for (size_t i = 0; i < n; i++) {
		buffer_append(&columns->paths, entries[i].path, strlen(entries[i].path) + 1);
		columns->sizes[i] = (int64_t)entries[i].size;
		columns->modified[i] = entries[i].modified_ns;
		columns->ends[i] = (int64_t)columns->paths.size;
	}
	if (columns->paths.failed)
		return error_memory(error);
	return model_signature(&columns->signature, &columns->signature_size, model->checkpoint, error);
}

static void columns_free(struct columns *columns)
{
	free(columns->sizes);
	free(columns->modified);
	free(columns->ends);
	free(columns->signature);
	buffer_free(&columns->paths);
}

/* (n, E) behind the header. */
static clipcls_status write_embeddings(struct output_file *file, uint64_t *offset,
                                       const clipcls_entry *entries, size_t n, size_t E,
                                       clipcls_error *error)
{
	size_t most = size_max(1, PIECE / E), row_bytes = E * sizeof(float);
	float *piece = memory_floats(most * E);
	clipcls_status status = piece != NULL ? CLIPCLS_OK : error_memory(error);
	for (size_t first = 0; status == CLIPCLS_OK && first < n; first += most) {
		size_t rows = size_min(most, n - first);
		for (size_t i = 0; i < rows; i++)
			memcpy(piece + i * E, entries[first + i].embedding, row_bytes);
		status = output_file_write(file, *offset, piece, rows * row_bytes, error);
		*offset += rows * row_bytes;
	}
	free(piece);
	return status;
}

clipcls_status clipcls_index_write(const char *path, clipcls_model *model,
                                   const clipcls_entry *entries, size_t n,
                                   const clipcls_index *from, const char *note,
                                   clipcls_error *error)
{
	size_t E = clipcls_model_embedding_size(model);
	struct columns columns = { 0 };
	struct buffer header = { 0 };
	struct output_file file = { .fd = -1 };
	uint64_t offset;
	clipcls_status status = gather(&columns, entries, n, model, error);
	if (status != CLIPCLS_OK)
		goto cleanup;
	const struct safetensors_tensor tensors[] = {
		safetensors_tensor_of(INDEX_EMBEDDINGS, DTYPE_F32, n, E, NULL),
		safetensors_tensor_of(INDEX_SIZES, DTYPE_I64, n, 0, columns.sizes),
		safetensors_tensor_of(INDEX_MODIFIED, DTYPE_I64, n, 0, columns.modified),
		safetensors_tensor_of(INDEX_PATH_ENDS, DTYPE_I64, n, 0, columns.ends),
		safetensors_tensor_of(INDEX_PATHS, DTYPE_U8, columns.paths.size, 0, columns.paths.bytes),
		safetensors_tensor_of(INDEX_SIGNATURE, DTYPE_F32, columns.signature_size, 0,
		                      columns.signature),
	};
	const struct safetensors_pair metadata[] = { { "format", INDEX_FORMAT, 0 },
		                                         { "format_version", INDEX_VERSION, 0 },
		                                         { "note", note, 0 } };
	const struct safetensors_layout layout = { metadata, sizeof metadata / sizeof *metadata,
		                                       tensors, sizeof tensors / sizeof *tensors };
	safetensors_write_header(&header, &layout);
	offset = header.size;
	status = header.failed ? error_memory(error) : output_file_open(&file, path, 0644, error);
	if (status == CLIPCLS_OK)
		status = output_file_write(&file, 0, header.bytes, header.size, error);
	if (status == CLIPCLS_OK)
		status = write_embeddings(&file, &offset, entries, n, E, error);
	for (size_t i = 1; status == CLIPCLS_OK && i < layout.count; i++) {
		status = output_file_write(&file, offset, tensors[i].data, tensors[i].bytes, error);
		offset += tensors[i].bytes;
	}
	if (status == CLIPCLS_OK && from != NULL)
		status = clipcls_index_intact(from, error);
	if (status == CLIPCLS_OK)
		status = output_file_commit(&file, error);
cleanup:
	output_file_close(&file);
	buffer_free(&header);
	columns_free(&columns);
	return status;
}
