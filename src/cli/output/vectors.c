#include "cli/output/vectors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of an .npy file: room for a count of any size; its data begins at a multiple of 64. */
#define NPY_HEADER 128
#define NPY_START 10 /* magic, version, length of the rest */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NPY_FLOAT "<f4"
#else
#define NPY_FLOAT ">f4"
#endif

static bool complain_of(const clipcls_error *error)
{
	complain_error(error);
	return false;
}

static bool spool_failed(void)
{
	complain("a temporary file: %s", strerror(errno));
	return false;
}

bool vectors_open(struct vectors *vectors, bool npy, const char *path, size_t E)
{
	clipcls_error error = { 0 };
	*vectors = (struct vectors){ .npy = npy, .E = E, .file = { .fd = -1 } };
	if (!npy)
		return path == NULL || output_redirect(path);
	if (path == NULL) {
		vectors->spool = tmpfile();
		return vectors->spool != NULL || spool_failed();
	}
	vectors->named = true;
	return output_file_open(&vectors->file, path, 0644, &error) == CLIPCLS_OK ||
	       complain_of(&error);
}

static bool npy_row(struct vectors *vectors, const float *row)
{
	clipcls_error error = { 0 };
	size_t bytes = vectors->E * sizeof *row;
	uint64_t offset = NPY_HEADER + (uint64_t)vectors->rows++ * bytes;
	if (vectors->named)
		return output_file_write(&vectors->file, offset, row, bytes, &error) == CLIPCLS_OK ||
		       complain_of(&error);
	return fwrite(row, bytes, 1, vectors->spool) == 1 || spool_failed();
}

static void jsonl_start(struct vectors *vectors, const char *kind, const char *name)
{
	buffer_format(&vectors->line, "{\"%s\":", kind);
	json_write_text(&vectors->line, name);
}

bool vectors_row(struct vectors *vectors, const char *kind, const char *name, const float *row)
{
	if (vectors->npy)
		return npy_row(vectors, row);
	jsonl_start(vectors, kind, name);
	/* Nine digits tell any two floats apart. */
	for (size_t i = 0; i < vectors->E; i++)
		buffer_format(&vectors->line, "%s%.9g", i > 0 ? "," : ",\"embedding\":[", (double)row[i]);
	buffer_text(&vectors->line, "]}\n");
	return output_print(&vectors->line);
}

bool vectors_failed(struct vectors *vectors, const clipcls_record *record)
{
	if (!vectors->npy) {
		jsonl_start(vectors, "path", record->path);
		output_json_error(&vectors->line, record);
		buffer_text(&vectors->line, "}\n");
		return output_print(&vectors->line);
	}
	float *row = reallocarray(NULL, vectors->E, sizeof *row);
	if (row == NULL) {
		complain("out of memory");
		return false;
	}
	for (size_t i = 0; i < vectors->E; i++)
		row[i] = NAN;
	bool written = npy_row(vectors, row);
	free(row);
	return written;
}

/* NumPy Enhancement Proposal 1, version 1.0 of the format. */
static void npy_header(char header[NPY_HEADER + 1], const struct vectors *vectors)
{
	char shape[96];
	snprintf(shape, sizeof shape,
	         "{'descr': '" NPY_FLOAT "', 'fortran_order': False, 'shape': (%zu, %zu), }",
	         vectors->rows, vectors->E);
	memcpy(header, "\x93NUMPY\x01\x00", 8);
	header[8] = NPY_HEADER - NPY_START;
	header[9] = 0;
	snprintf(header + NPY_START, NPY_HEADER + 1 - NPY_START, "%-*s\n", NPY_HEADER - NPY_START - 1,
	         shape);
}

static bool copy_spool(struct vectors *vectors, const char *header)
{
	char bytes[1 << 14];
	size_t n;
	rewind(vectors->spool);
	buffer_append(&vectors->line, header, NPY_HEADER);
	while (output_print(&vectors->line) && (n = fread(bytes, 1, sizeof bytes, vectors->spool)) > 0)
		buffer_append(&vectors->line, bytes, n);
	return !ferror(vectors->spool) || spool_failed();
}

bool vectors_finish(struct vectors *vectors)
{
	clipcls_error error = { 0 };
	char header[NPY_HEADER + 1];
	if (!vectors->npy)
		return true;
	npy_header(header, vectors);
	if (!vectors->named)
		return copy_spool(vectors, header);
	return (output_file_write(&vectors->file, 0, header, NPY_HEADER, &error) == CLIPCLS_OK &&
	        output_file_commit(&vectors->file, &error) == CLIPCLS_OK) ||
	       complain_of(&error);
}

void vectors_close(struct vectors *vectors)
{
	if (vectors->named)
		output_file_close(&vectors->file);
	if (vectors->spool != NULL)
		fclose(vectors->spool);
	buffer_free(&vectors->line);
}
