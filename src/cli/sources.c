#include "cli/sources.h"

#include "cli/read_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Labels files are read whole; this is far above any real one. */
#define TEXT_FILE_LIMIT ((size_t)1 << 28)

const char *sources_model(const struct options *options)
{
	const char *name = options->model != NULL ? options->model : getenv("CLIPCLS_MODEL");
	return name != NULL && name[0] != '\0' ? name : NULL;
}

bool sources_name_labels(const struct options *options)
{
	return options->label_sources.count > 0 || options->labels.count > 0;
}

bool sources_name_templates(const struct options *options)
{
	return options->template_sources.count > 0 || options->templates.count > 0;
}

static clipcls_status io_error(clipcls_error *error, const char *path, int reason)
{
	error->status = reason == ENOMEM ? CLIPCLS_ERR_MEMORY : CLIPCLS_ERR_IO;
	snprintf(error->message, sizeof error->message, "%s: cannot read: %s", path, strerror(reason));
	return error->status;
}

/* The bytes of a file, or of stdin for "-". */
static clipcls_status read_text(char **bytes, size_t *size, const char *path, clipcls_error *error)
{
	if (read_all_of(bytes, size, path, TEXT_FILE_LIMIT))
		return CLIPCLS_OK;
	return io_error(error, strcmp(path, "-") == 0 ? "stdin" : path, errno);
}

static bool is_set(const char *name, const char *(*set_name)(size_t index))
{
	for (size_t i = 0; set_name(i) != NULL; i++)
		if (strcmp(set_name(i), name) == 0)
			return true;
	return false;
}

static clipcls_status add_label_source(clipcls_labels *labels, const char *source,
                                       clipcls_error *error)
{
	char *bytes = NULL;
	size_t size = 0;
	if (is_set(source, clipcls_labels_set_name))
		return clipcls_labels_add_set(labels, source, error);
	clipcls_status status = read_text(&bytes, &size, source, error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_add_text(labels, bytes, size,
		                                 strcmp(source, "-") == 0 ? "stdin" : source, error);
	free(bytes);
	return status;
}

clipcls_status sources_labels(clipcls_labels **out, const struct options *options,
                              clipcls_error *error)
{
	clipcls_status status = clipcls_labels_new(out, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < options->label_sources.count; i++)
		status = add_label_source(*out, options->label_sources.items[i], error);
	for (size_t i = 0; status == CLIPCLS_OK && i < options->labels.count; i++)
		status = clipcls_labels_add(*out, options->labels.items[i], NULL, 0, error);
	if (status != CLIPCLS_OK) {
		clipcls_labels_free(*out);
		*out = NULL;
	}
	return status;
}

static clipcls_status add_template_source(clipcls_templates *templates, const char *source,
                                          clipcls_error *error)
{
	char *bytes = NULL;
	size_t size = 0;
	if (is_set(source, clipcls_templates_set_name))
		return clipcls_templates_add_set(templates, source, error);
	clipcls_status status = read_text(&bytes, &size, source, error);
	if (status == CLIPCLS_OK)
		status = clipcls_templates_add_text(templates, bytes, size,
		                                    strcmp(source, "-") == 0 ? "stdin" : source, error);
	free(bytes);
	return status;
}

clipcls_status sources_templates(clipcls_templates **out, const struct options *options,
                                 clipcls_error *error)
{
	clipcls_status status = clipcls_templates_new(out, error);
	for (size_t i = 0; status == CLIPCLS_OK && i < options->template_sources.count; i++)
		status = add_template_source(*out, options->template_sources.items[i], error);
	for (size_t i = 0; status == CLIPCLS_OK && i < options->templates.count; i++)
		status = clipcls_templates_add(*out, options->templates.items[i], error);
	if (status == CLIPCLS_OK && clipcls_templates_count(*out) == 0)
		status = clipcls_templates_add_set(*out, "simple", error);
	if (status != CLIPCLS_OK) {
		clipcls_templates_free(*out);
		*out = NULL;
	}
	return status;
}
