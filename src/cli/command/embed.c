/* clipcls embed: embeddings of pictures or of labels. */
#include "cli/cli.h"
#include "base/clock.h"
#include "cli/collection/collection.h"
#include "cli/input/feed.h"
#include "cli/output/vectors.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/sources.h"

#include <string.h>
#include <unistd.h>

struct embed {
	const struct options *options;
	enum output_format format; /* FORMAT_JSONL, _NPY or _INDEX */
	struct session session;
	struct feed feed;
	struct vectors vectors;
	struct progress progress;
	size_t failed;
};

static bool ends_in(const char *name, const char *ending)
{
	size_t n = strlen(name), m = strlen(ending);
	return n >= m && strcmp(name + n - m, ending) == 0;
}

/* What was asked for, else what the output's name ends in. */
static enum output_format format_of(const struct options *options)
{
	if (options->format != FORMAT_TEXT)
		return options->format;
	if (options->output != NULL && ends_in(options->output, ".npy"))
		return FORMAT_NPY;
	if (options->output != NULL && ends_in(options->output, ".index"))
		return FORMAT_INDEX;
	return FORMAT_JSONL;
}

static bool makes_sense(const struct embed *embed)
{
	const struct options *options = embed->options;
	bool labels = sources_name_labels(options);
	if (labels && inputs_named(options)) {
		complain("labels and pictures are embedded in runs of their own");
		return false;
	}
	if (labels && options->shard.count > 0) {
		complain("--shard is for pictures: labels are embedded by one run");
		return false;
	}
	if (embed->format == FORMAT_INDEX && labels) {
		complain("an index is of pictures; labels go into jsonl or npy");
		return false;
	}
	if (embed->format == FORMAT_INDEX && options->output == NULL) {
		complain("an index needs --output FILE");
		return false;
	}
	if (options->output != NULL && !output_check_path(options->output))
		return false;
	return labels ? inputs_share_stdin(options) : inputs_make_sense(options);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static int next_input(void *user, clipcls_input *out)
{
	struct embed *embed = user;
	return feed_next(&embed->feed, out, NULL, NULL);
}

static int take_record(void *user, const clipcls_record *record)
{
	struct embed *embed = user;
	bool failed = record->status != CLIPCLS_OK, written;
	progress_erase(&embed->progress);
	if (failed) {
		embed->failed++;
		if (embed->vectors.npy) /* which cannot say why */
			complain("%s: %s", record->path, record->message);
		written = vectors_failed(&embed->vectors, record);
	} else {
		written = vectors_row(&embed->vectors, "path", record->path, record->embedding);
	}
	progress_advance(&embed->progress, failed);
	feed_delivered(&embed->feed);
	return !written;
}

static enum exit_code embed_pictures(struct embed *embed)
{
	const struct options *options = embed->options;
	clipcls_error error = { 0 };
	double start = clock_seconds();
	if (!feed_open(&embed->feed, options))
		return EXIT_FATAL;
	progress_begin(&embed->progress, options, isatty(STDOUT_FILENO) && options->output == NULL);
	if (embed->progress.shown)
		embed->progress.total = inputs_count(options);
	clipcls_status status = clipcls_embed_files(embed->session.model, &options->image, next_input,
	                                            take_record, embed, &error);
	progress_erase(&embed->progress);
	if (status != CLIPCLS_OK)
		return status == CLIPCLS_ERR_STOPPED ? EXIT_FATAL : complain_error(&error);
	if (options->verbose)
		complain("%zu pictures in %.3f s, %zu failed", embed->progress.count,
		         clock_seconds() - start, embed->failed);
	if (feed_failed(&embed->feed) || !vectors_finish(&embed->vectors))
		return EXIT_FATAL;
	return embed->failed > 0 ? EXIT_SOME_FAILED : EXIT_DONE;
}

static enum exit_code make_index(struct embed *embed)
{
	struct collection collection;
	clipcls_error error = { 0 };
	enum exit_code code = EXIT_FATAL;
	if (collection_open(&collection, &embed->session, embed->options->output, &error) == CLIPCLS_OK)
		code = collection_fill(&collection, embed->options);
	else
		complain_error(&error);
	collection_close(&collection);
	return code;
}

/* ---- labels --------------------------------------------------------------------------------- */

static enum exit_code embed_labels(struct embed *embed)
{
	const clipcls_labels *labels = embed->session.labels;
	const float *rows = clipcls_classifier_embeddings(embed->session.classifier);
	for (size_t i = 0; i < clipcls_labels_count(labels); i++)
		if (!vectors_row(&embed->vectors, "label", clipcls_labels_text(labels, i),
		                 rows + i * embed->vectors.E))
			return EXIT_FATAL;
	return vectors_finish(&embed->vectors) ? EXIT_DONE : EXIT_FATAL;
}

static enum exit_code run(struct embed *embed)
{
	const struct options *options = embed->options;
	bool labels = sources_name_labels(options);
	clipcls_error error = { 0 };
	clipcls_status status = labels ? session_open(&embed->session, options, &error)
	                               : session_open_model(&embed->session, options, &error);
	if (status != CLIPCLS_OK)
		return complain_error(&error);
	if (embed->format == FORMAT_INDEX)
		return make_index(embed);
	if (!vectors_open(&embed->vectors, embed->format == FORMAT_NPY, options->output,
	                  clipcls_model_embedding_size(embed->session.model)))
		return EXIT_FATAL;
	return labels ? embed_labels(embed) : embed_pictures(embed);
}

enum exit_code command_embed(const struct options *options)
{
	struct embed embed = { .options = options, .format = format_of(options) };
	enum exit_code code = makes_sense(&embed) ? run(&embed) : EXIT_FATAL;
	vectors_close(&embed.vectors);
	feed_close(&embed.feed);
	session_close(&embed.session);
	return code;
}
