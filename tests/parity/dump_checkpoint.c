/* For tests/parity/test_checkpoint.py:
 *     dump_checkpoint dump PATH [LAYOUT]        a line of JSON, then every tensor as float32
 *     dump_checkpoint convert SRC OUT [DTYPE]   clipcls_convert
 *     dump_checkpoint locate NAME               model_locate
 *     dump_checkpoint time PATH                 milliseconds to open from memory and to load
 * Errors go to stderr as "status: message", with exit status 1. */
#include "base/file_map.h"
#include "base/memory.h"
#include "model/checkpoint.h"
#include "model/single.h"
#include "model/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMED_ROUNDS 20

/* The tensors of a checkpoint, and where they are in memory. */
struct dump {
	struct checkpoint *checkpoint;
	struct tensor_spec *specs;
	struct weight_request *requests;
	const float **floats;
	size_t count;
};

static clipcls_status dump_load(struct dump *dump, struct pool *pool, clipcls_error *error)
{
	clipcls_status status =
	    tensors_list(&dump->specs, &dump->count, checkpoint_config(dump->checkpoint),
	                 TENSOR_NAMING_CANONICAL, SIZE_MAX, error);
	if (status != CLIPCLS_OK)
		return status;
	dump->requests = memory_new(dump->count, sizeof *dump->requests);
	dump->floats = memory_new(dump->count, sizeof *dump->floats);
	if (dump->requests == NULL || dump->floats == NULL)
		return error_memory(error);
	for (size_t i = 0; i < dump->count; i++) {
		dump->requests[i].out = &dump->floats[i];
		memcpy(dump->requests[i].name, dump->specs[i].name, sizeof dump->requests[i].name);
	}
	return checkpoint_weights(dump->checkpoint, dump->requests, dump->count, pool, error);
}

static void dump_free(struct dump *dump)
{
	checkpoint_free(dump->checkpoint);
	free(dump->specs);
	free(dump->requests);
	free(dump->floats);
}

static void write_bytes_key(struct buffer *out, const char *key, const char *bytes, size_t size)
{
	buffer_format(out, ",\"%s\":", key);
	if (bytes != NULL)
		json_write_string(out, bytes, size);
	else
		buffer_text(out, "null");
}

static void write_description(struct buffer *out, const struct dump *dump)
{
	const struct checkpoint *checkpoint = dump->checkpoint;
	const struct tokenizer_files *files = checkpoint_tokenizer_files(checkpoint);
	size_t n_classes;
	const char *classes = checkpoint_class_names(checkpoint, &n_classes);
	buffer_format(out, "{\"layout\":\"%s\",\"dtype\":\"%s\",\"parameters\":%zu,\"config\":",
	              checkpoint_layout(checkpoint), checkpoint_dtype(checkpoint),
	              checkpoint_parameters(checkpoint, ""));
	single_config_write(out, checkpoint_config(checkpoint));
	write_bytes_key(out, "vocab", files->vocab, files->vocab_size);
	write_bytes_key(out, "merges", files->merges, files->merges_size);
	write_bytes_key(out, "tokenizer_json", files->tokenizer_json, files->tokenizer_json_size);
	write_bytes_key(out, "classes", classes, n_classes);
	buffer_text(out, ",\"tensors\":[");
	for (size_t i = 0; i < dump->count; i++) {
		buffer_format(out, "%s[\"%s\",[", i > 0 ? "," : "", dump->specs[i].name);
		for (size_t d = 0; d < dump->specs[i].rank; d++)
			buffer_format(out, "%s%zu", d > 0 ? "," : "", dump->specs[i].shape[d]);
		buffer_text(out, "]]");
	}
	buffer_text(out, "]}\n");
}

/* The token embeddings once more, row by row. */
static clipcls_status write_rows(struct checkpoint *checkpoint, clipcls_error *error)
{
	struct weight_rows rows;
	clipcls_status status =
	    checkpoint_rows(checkpoint, &rows, "text_model.embeddings.token_embedding.weight", error);
	float *row = status == CLIPCLS_OK ? memory_floats(rows.width) : NULL;
	if (status == CLIPCLS_OK && row == NULL)
		status = error_memory(error);
	for (size_t i = 0; status == CLIPCLS_OK && i < rows.rows; i++) {
		weight_rows_get(row, &rows, i);
		fwrite(row, sizeof *row, rows.width, stdout);
	}
	free(row);
	return status;
}

static clipcls_status run_dump(const char *path, const char *layout, clipcls_error *error)
{
	struct dump dump = { 0 };
	struct buffer description = { 0 };
	struct pool *pool = NULL;
	clipcls_status status = pool_new(&pool, 2, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_open(&dump.checkpoint, path, layout, error);
	if (status == CLIPCLS_OK)
		status = dump_load(&dump, pool, error);
	if (status == CLIPCLS_OK) {
		write_description(&description, &dump);
		fwrite(description.bytes, 1, description.size, stdout);
		for (size_t i = 0; i < dump.count; i++)
			fwrite(dump.floats[i], sizeof(float), tensor_elements(&dump.specs[i]), stdout);
		status = write_rows(dump.checkpoint, error);
	}
	buffer_free(&description);
	dump_free(&dump);
	pool_free(pool);
	return status;
}

static clipcls_status run_locate(const char *name, clipcls_error *error)
{
	char *path = NULL;
	clipcls_status status = model_locate(&path, name, error);
	if (status == CLIPCLS_OK)
		puts(path);
	free(path);
	return status;
}

static double milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static clipcls_status run_time(const char *path, clipcls_error *error)
{
	struct file_map map;
	double best_open = 1e9, best_load = 1e9;
	clipcls_status status = file_map_open(&map, path, error);
	for (int round = 0; round < TIMED_ROUNDS && status == CLIPCLS_OK; round++) {
		struct dump dump = { 0 };
		double start = milliseconds();
		status = checkpoint_open_memory(&dump.checkpoint, map.bytes, map.size, path, error);
		double opened = milliseconds();
		if (status == CLIPCLS_OK)
			status = dump_load(&dump, NULL, error);
		double loaded = milliseconds();
		best_open = opened - start < best_open ? opened - start : best_open;
		best_load = loaded - opened < best_load ? loaded - opened : best_load;
		dump_free(&dump);
	}
	if (status == CLIPCLS_OK)
		printf("open %.3f ms, load %.3f ms\n", best_open, best_load);
	file_map_close(&map);
	return status;
}

int main(int argc, char **argv)
{
	clipcls_error error = { 0 };
	clipcls_status status = CLIPCLS_ERR_ARGUMENT;
	const char *mode = argc > 2 ? argv[1] : "", *third = argc > 3 ? argv[3] : NULL;
	if (strcmp(mode, "dump") == 0)
		status = run_dump(argv[2], third, &error);
	else if (strcmp(mode, "convert") == 0 && third != NULL)
		status = clipcls_convert(argv[2], third, argc > 4 ? argv[4] : NULL, NULL, &error);
	else if (strcmp(mode, "locate") == 0)
		status = run_locate(argv[2], &error);
	else if (strcmp(mode, "time") == 0)
		status = run_time(argv[2], &error);
	else
		error_set(&error, status, "usage: dump_checkpoint dump|convert|locate|time PATH ...");
	if (status != CLIPCLS_OK)
		fprintf(stderr, "%s: %s\n", clipcls_status_name(status), error.message);
	return status != CLIPCLS_OK;
}
