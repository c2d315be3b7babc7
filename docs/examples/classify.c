/* Which of your words fits a picture:
 *
 *     cc classify.c $(pkg-config --cflags --libs clipcls) -o classify
 *     ./classify photo.jpg cat dog "red panda"
 *
 * prints one line a label, best first: score, cosine similarity, label. */
#include <clipcls.h>
#include <stdio.h>

struct run {
	const char *path;
	const clipcls_labels *labels;
	int failed;
};

/* The library asks for pictures one by one; here there is one. */
static int next_picture(void *user, clipcls_input *out)
{
	struct run *run = user;
	if (run->path == NULL)
		return CLIPCLS_NEXT_END;
	*out = (clipcls_input){ .path = run->path };
	run->path = NULL;
	return CLIPCLS_NEXT_GIVEN;
}

/* And hands over what became of each. A picture that cannot be read does not end a run. */
static int print_record(void *user, const clipcls_record *record)
{
	struct run *run = user;
	if (record->status != CLIPCLS_OK) {
		fprintf(stderr, "%s: %s\n", record->path, record->message);
		run->failed = 1;
		return 0;
	}
	for (size_t i = 0; i < clipcls_labels_count(run->labels); i++) {
		const clipcls_result *result = &record->results[i];
		printf("%.6f\t%.6f\t%s\n", result->score, result->similarity,
		       clipcls_labels_text(run->labels, result->index));
	}
	return 0;
}

int main(int argc, char **argv)
{
	clipcls_error error;
	clipcls_model *model = NULL;
	clipcls_labels *labels = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_status status;
	struct run run = { 0 };

	if (argc < 3) {
		fprintf(stderr, "usage: classify PICTURE LABEL...\n");
		return 2;
	}
	/* Pictures of strangers are decoded in processes that can do nothing else. */
	clipcls_model_options options = { .sandbox = "auto" };
	status = clipcls_model_open(&model, NULL, &options, &error); /* NULL: the built-in model */
	if (status == CLIPCLS_OK)
		status = clipcls_labels_new(&labels, &error);
	for (int i = 2; status == CLIPCLS_OK && i < argc; i++)
		status = clipcls_labels_add(labels, argv[i], NULL, 0, &error);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_new(&classifier, model, labels, NULL, &error);
	if (status == CLIPCLS_OK) {
		run = (struct run){ argv[1], labels, 0 };
		status = clipcls_classify_files(classifier, NULL, next_picture, print_record, &run, &error);
	}
	if (status != CLIPCLS_OK)
		fprintf(stderr, "%s\n", error.message);

	clipcls_classifier_free(classifier);
	clipcls_labels_free(labels);
	clipcls_model_free(model);
	return status != CLIPCLS_OK || run.failed;
}
