/* Writes embeddings as raw float32 to stdout, through the public interface alone.
 *
 *     dump_embeddings [-j THREADS] [-b BATCH] [-p PRECISION] [-x] [-f] MODEL images FILE...
 *     dump_embeddings [...] MODEL texts             NUL-ended strings on stdin
 *     dump_embeddings [...] MODEL labels LABEL...   NUL-ended templates on stdin
 *
 * -x ignores the EXIF orientation, -f decodes large JPEGs reduced. What comes out is (n, E) in the
 * order of what went in; anything that fails ends the program with status 1 and a message. */
#include "clipcls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
	char **paths;
	size_t n, next, embedding_size;
};

static int next_input(void *user, clipcls_input *out)
{
	struct run *run = user;

	if (run->next == run->n)
		return 0;
	*out = (clipcls_input){ .path = run->paths[run->next++] };
	return 1;
}

static int write_record(void *user, const clipcls_record *record)
{
	struct run *run = user;

	if (record->status != CLIPCLS_OK) {
		fprintf(stderr, "%s: %s: %s\n", record->path, clipcls_status_name(record->status),
		        record->message);
		return 1;
	}
	return fwrite(record->embedding, sizeof(float), run->embedding_size, stdout) !=
	       run->embedding_size;
}

static clipcls_status dump_images(clipcls_model *model, char **paths, size_t n,
                                  const clipcls_image_options *options, clipcls_error *error)
{
	struct run run = { .paths = paths, .n = n };

	run.embedding_size = clipcls_model_embedding_size(model);
	return clipcls_embed_files(model, options, next_input, write_record, &run, error);
}

/* Reads stdin, splits it at its NULs. *strings points into *bytes; both are freed by the caller.
 * Returns the number of strings, or (size_t)-1. */
static size_t read_strings(char ***strings, char **bytes)
{
	size_t size = 0, capacity = 1 << 20, n = 0, place = 0;

	*bytes = malloc(capacity);
	if (*bytes == NULL)
		return (size_t)-1;
	size = fread(*bytes, 1, capacity, stdin);
	if (size == capacity || (size > 0 && (*bytes)[size - 1] != '\0'))
		return (size_t)-1;
	*strings = calloc(size + 1, sizeof(**strings));
	if (*strings == NULL)
		return (size_t)-1;
	while (place < size) {
		(*strings)[n++] = *bytes + place;
		place += strlen(*bytes + place) + 1;
	}
	return n;
}

static clipcls_status dump_texts(clipcls_model *model, char **texts, size_t n, clipcls_error *error)
{
	size_t size = clipcls_model_embedding_size(model);
	float *out = calloc(n * size + 1, sizeof(*out)); /* (n, E) */
	clipcls_status status = CLIPCLS_ERR_MEMORY;

	if (out != NULL)
		status = clipcls_embed_texts(model, (const char *const *)texts, n, out, error);
	if (status == CLIPCLS_OK && fwrite(out, sizeof(*out) * size, n, stdout) != n)
		status = CLIPCLS_ERR_IO;
	free(out);
	return status;
}

static clipcls_status dump_labels(clipcls_model *model, char **names, size_t n, char **texts,
                                  size_t n_texts, clipcls_error *error)
{
	clipcls_labels *labels = NULL;
	clipcls_templates *templates = NULL;
	clipcls_classifier *classifier = NULL;
	size_t size = clipcls_model_embedding_size(model);
	clipcls_status status = clipcls_labels_new(&labels, error);

	if (status == CLIPCLS_OK)
		status = clipcls_templates_new(&templates, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < n; i++)
		status = clipcls_labels_add(labels, names[i], NULL, 0, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < n_texts; i++)
		status = clipcls_templates_add(templates, texts[i], error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(&classifier, model, labels, templates, error);
	if (status == CLIPCLS_OK &&
	    fwrite(clipcls_classifier_embeddings(classifier), sizeof(float) * size, n, stdout) != n)
		status = CLIPCLS_ERR_IO;
	clipcls_classifier_free(classifier);
	clipcls_templates_free(templates);
	clipcls_labels_free(labels);
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: dump_embeddings [-j THREADS] [-b BATCH] [-p PRECISION] [-x] [-f] MODEL "
	                "images FILE... | texts | labels LABEL...\n");
	return 2;
}

int main(int argc, char **argv)
{
	clipcls_model_options options = { 0 };
	clipcls_image_options image_options = { 0 };
	clipcls_error error = { 0 };
	clipcls_model *model = NULL;
	clipcls_status status;
	char **strings = NULL, *bytes = NULL;
	size_t n_strings = 0, n;
	int option;
	const char *kind;

	while ((option = getopt(argc, argv, "+j:b:p:xf")) != -1) {
		if (option == 'j')
			options.threads = strtoul(optarg, NULL, 10);
		else if (option == 'b')
			options.batch = strtoul(optarg, NULL, 10);
		else if (option == 'p')
			options.precision = optarg;
		else if (option == 'x')
			image_options.ignore_exif = 1;
		else if (option == 'f')
			image_options.fast_decode = 1;
		else
			return usage();
	}
	if (argc - optind < 2)
		return usage();
	kind = argv[optind + 1];
	n = (size_t)(argc - optind) - 2;
	if (strcmp(kind, "images") != 0)
		n_strings = read_strings(&strings, &bytes);
	if (n_strings == (size_t)-1) {
		fprintf(stderr, "stdin: strings of at most 1 MiB, each ended by a NUL, are wanted\n");
		return 1;
	}
	status = clipcls_model_open(&model, argv[optind], &options, &error);
	if (status == CLIPCLS_OK && strcmp(kind, "images") == 0)
		status = dump_images(model, argv + optind + 2, n, &image_options, &error);
	else if (status == CLIPCLS_OK && strcmp(kind, "texts") == 0)
		status = dump_texts(model, strings, n_strings, &error);
	else if (status == CLIPCLS_OK)
		status = dump_labels(model, argv + optind + 2, n, strings, n_strings, &error);
	if (status == CLIPCLS_OK && fflush(stdout) != 0)
		status = CLIPCLS_ERR_IO;
	if (status != CLIPCLS_OK)
		fprintf(stderr, "%s: %s\n", clipcls_status_name(status), error.message);
	clipcls_model_free(model);
	free(strings);
	free(bytes);
	return status != CLIPCLS_OK;
}
