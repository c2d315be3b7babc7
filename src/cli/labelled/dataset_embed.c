#include "cli/labelled/dataset_embed.h"

#include "base/clock.h"
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct embedding_run {
	struct dataset *dataset;
	struct progress progress;
	float *rows;
	size_t E, given, kept;
};

static int next_example(void *user, clipcls_input *out)
{
	struct embedding_run *run = user;
	if (run->given == run->dataset->count)
		return CLIPCLS_NEXT_END;
	*out = (clipcls_input){ .path = run->dataset->examples[run->given++].path };
	return CLIPCLS_NEXT_GIVEN;
}

/* Moves a good example up to the others; the library is done with all before it. */
static int take_record(void *user, const clipcls_record *record)
{
	struct embedding_run *run = user;
	struct example *examples = run->dataset->examples;
	bool failed = record->status != CLIPCLS_OK;
	progress_erase(&run->progress);
	if (failed) {
		complain("%s: %s", record->path, record->message);
		free(examples[record->index].path);
		examples[record->index].path = NULL;
	} else {
		memcpy(run->rows + run->kept * run->E, record->embedding, run->E * sizeof *run->rows);
		examples[run->kept] = examples[record->index];
		if (run->kept != record->index)
			examples[record->index].path = NULL;
		run->kept++;
	}
	progress_advance(&run->progress, failed);
	return 0;
}

clipcls_status dataset_embed(float **rows, size_t *failed, struct dataset *dataset,
                             const struct session *session, clipcls_error *error)
{
	struct embedding_run run = { .dataset = dataset,
		                         .E = clipcls_model_embedding_size(session->model) };
	double start = clock_seconds();
	*rows = NULL;
	run.rows = reallocarray(NULL, dataset->count, run.E * sizeof *run.rows);
	if (run.rows == NULL)
		return memory_error(error);
	progress_begin(&run.progress, session->options, isatty(STDOUT_FILENO));
	run.progress.total = dataset->count;
	clipcls_status status = clipcls_embed_files(session->model, &session->options->image,
	                                            next_example, take_record, &run, error);
	progress_erase(&run.progress);
	if (status == CLIPCLS_OK && session->options->verbose)
		complain("%zu pictures in %.3f s", dataset->count, clock_seconds() - start);
	*failed = dataset->count - run.kept;
	if (status == CLIPCLS_OK && run.kept == 0) {
		status = error->status = CLIPCLS_ERR_DECODE;
		snprintf(error->message, sizeof error->message, "no picture could be decoded");
	}
	if (status != CLIPCLS_OK) {
		free(run.rows);
		return status;
	}
	dataset->count = run.kept;
	*rows = run.rows;
	return CLIPCLS_OK;
}
