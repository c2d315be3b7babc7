/* Writes the heat of a picture's cells for each label as raw float32 to stdout, through the public
 * interface alone.
 *
 *     dump_heat [-j THREADS] [-b BATCH] [-n LABELS] [-x] MODEL FILE LABEL...
 *
 * -n explains the first of the labels alone, -x ignores the EXIF orientation. What comes out is
 * (labels, rows, columns); anything that fails ends the program with status 1 and a message. */
#include "clipcls.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static clipcls_status make_classifier(clipcls_classifier **out, clipcls_labels *labels,
                                      clipcls_model *model, char **texts, size_t n,
                                      clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; status == CLIPCLS_OK && i < n; i++)
		status = clipcls_labels_add(labels, texts[i], NULL, 0, error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(out, model, labels, NULL, error);
	return status;
}

static clipcls_status dump(clipcls_classifier *classifier, const char *path,
                           const clipcls_image_options *options, size_t labels,
                           clipcls_error *error)
{
	const clipcls_input input = { .path = path };
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; status == CLIPCLS_OK && i < labels; i++) {
		clipcls_explanation *explanation = NULL;
		status = clipcls_explain(&explanation, classifier, &input, options, &i, error);
		if (status == CLIPCLS_OK)
			fwrite(explanation->heat, sizeof(float), explanation->rows * explanation->columns,
			       stdout);
		clipcls_explanation_free(explanation);
	}
	return status;
}

int main(int argc, char **argv)
{
	clipcls_model_options model_options = { 0 };
	clipcls_image_options options = { 0 };
	clipcls_model *model = NULL;
	clipcls_labels *labels = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_error error = { 0 };
	size_t explained = SIZE_MAX;
	for (int c; (c = getopt(argc, argv, "j:b:n:x")) != -1;) {
		if (c == 'j')
			model_options.threads = strtoul(optarg, NULL, 10);
		else if (c == 'b')
			model_options.batch = strtoul(optarg, NULL, 10);
		else if (c == 'n')
			explained = strtoul(optarg, NULL, 10);
		else if (c == 'x')
			options.ignore_exif = 1;
		else
			return 1;
	}
	if (argc - optind < 3) {
		fprintf(stderr, "usage: dump_heat [-j N] [-b N] [-n N] [-x] MODEL FILE LABEL...\n");
		return 1;
	}
	size_t n = (size_t)(argc - optind - 2);
	char **texts = argv + optind + 2;
	clipcls_status status = clipcls_model_open(&model, argv[optind], &model_options, &error);
	if (status == CLIPCLS_OK)
		status = clipcls_labels_new(&labels, &error);
	if (status == CLIPCLS_OK)
		status = make_classifier(&classifier, labels, model, texts, n, &error);
	if (status == CLIPCLS_OK)
		status =
		    dump(classifier, argv[optind + 1], &options, explained < n ? explained : n, &error);
	if (status != CLIPCLS_OK)
		fprintf(stderr, "%s\n", error.message);
	clipcls_classifier_free(classifier);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
	return status != CLIPCLS_OK;
}
