#include "cli/command/explain_labels.h"

#include "cli/input/inputs.h"
#include "cli/labelled/nearest.h"
#include "cli/output/cell.h"
#include "cli/output/output.h"
#include "cli/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARNINGS_SHOWN 10

/* Below this two labels are nearly the same: what a picture says rarely makes one of them more than
 * e times as likely as the other. Measured with the built-in model on 5,000 pictures of 200
 * classes, with 1,000 names: of 169,000 pairs of a class and a name that is not its own, 38 lie
 * below, most of them other words for the class, and the class's own label is the nearer one for
 * 54 % of its pictures, hardly more than by chance. Just above it is for 70 %, at 3 to 3.5 for
 * 85 %. The difference is in fact 0.7 to 1.4 times the typical one. */
#define NEARLY_THE_SAME 1.0

/* A label and the one most like it. */
struct neighbour {
	size_t label, nearest;
	double cosine;
	/* The typical difference of the two logits. For a picture's embedding x and labels a and b it
	 * is s x.(a - b), s being logit_scale, and |a - b| = sqrt(2 - 2 cosine). A unit vector of E
	 * elements has a part of about 1 / sqrt(E) in any one direction. */
	double apart;
};

struct labels_report {
	const clipcls_labels *labels;
	struct neighbour *neighbours; /* (count), most alike first */
	size_t count;
};

static bool nearly_same(const struct neighbour *neighbour)
{
	return neighbour->apart < NEARLY_THE_SAME;
}

static int compare_neighbours(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;
	if (x->cosine != y->cosine)
		return x->cosine > y->cosine ? -1 : 1;
	return x->label < y->label ? -1 : x->label > y->label;
}

/* The same to the last bit for a, b and b, a. */
static double cosine_of(const float *a, const float *b, size_t E)
{
	double cosine = 0;
	for (size_t i = 0; i < E; i++)
		cosine += (double)a[i] * b[i];
	return cosine;
}

static clipcls_status find_neighbours(struct labels_report *report, const struct session *session,
                                      clipcls_error *error)
{
	clipcls_model_info info;
	clipcls_status status = clipcls_model_describe(session->model, &info, error);
	if (status != CLIPCLS_OK)
		return status;
	struct label_rows labels = { .model = session->model,
		                         .rows = clipcls_classifier_embeddings(session->classifier),
		                         .L = clipcls_labels_count(session->labels) };
	size_t E = info.projection_dim;
	struct nearest *found = calloc(labels.L, sizeof *found);
	report->labels = session->labels;
	report->neighbours = calloc(labels.L, sizeof *report->neighbours);
	if (found == NULL || report->neighbours == NULL ||
	    !nearest_labels(found, labels.rows, labels.L, &labels)) {
		free(found);
		return memory_error(error);
	}
	report->count = labels.L;
	for (size_t i = 0; i < labels.L; i++) {
		/* A label is nearest to itself, unless two others are the very same. */
		size_t nearest = found[i].first != i ? found[i].first : found[i].second;
		double cosine = cosine_of(labels.rows + i * E, labels.rows + nearest * E, E);
		report->neighbours[i] = (struct neighbour){
			.label = i,
			.nearest = nearest,
			.cosine = cosine,
			.apart = info.logit_scale * sqrt(fmax(0, 2 - 2 * cosine) / (double)E),
		};
	}
	free(found);
	qsort(report->neighbours, report->count, sizeof *report->neighbours, compare_neighbours);
	return CLIPCLS_OK;
}

/* ---- printing ------------------------------------------------------------------------------- */

static void text_rows(struct buffer *out, const struct labels_report *report, bool escape)
{
	int width = (int)strlen("label"), nearest = (int)strlen("most like");
	for (size_t i = 0; i < report->count; i++)
		cell_widen(&width, clipcls_labels_text(report->labels, i));
	for (size_t i = 0; i < report->count; i++)
		if (nearly_same(&report->neighbours[i]))
			cell_widen(&nearest,
			           clipcls_labels_text(report->labels, report->neighbours[i].nearest));
	buffer_text(out, "cosine  logits apart  ");
	cell_put(out, "label", width, false);
	buffer_text(out, "  most like\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct neighbour *row = &report->neighbours[i];
		bool same = nearly_same(row);
		buffer_format(out, "%6.4f  %12.2f  ", row->cosine, row->apart);
		cell_put(out, clipcls_labels_text(report->labels, row->label), width, escape);
		buffer_text(out, "  ");
		cell_put(out, clipcls_labels_text(report->labels, row->nearest), same ? nearest : 0,
		         escape);
		buffer_text(out, same ? "  nearly the same\n" : "\n");
	}
}

static void tsv_rows(struct buffer *out, const struct labels_report *report)
{
	buffer_text(out, "label\tnearest\tcosine\tlogits_apart\tnearly_the_same\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct neighbour *row = &report->neighbours[i];
		const char *label = clipcls_labels_text(report->labels, row->label);
		const char *nearest = clipcls_labels_text(report->labels, row->nearest);
		output_escaped(out, label, strlen(label));
		buffer_byte(out, '\t');
		output_escaped(out, nearest, strlen(nearest));
		buffer_format(out, "\t%.6f\t%.6f\t%d\n", row->cosine, row->apart, nearly_same(row));
	}
}

static void json_rows(struct buffer *out, const struct labels_report *report, bool lines)
{
	buffer_text(out, lines ? "" : "[");
	for (size_t i = 0; i < report->count; i++) {
		const struct neighbour *row = &report->neighbours[i];
		const char *label = clipcls_labels_text(report->labels, row->label);
		const char *nearest = clipcls_labels_text(report->labels, row->nearest);
		buffer_text(out, i > 0 && !lines ? ",\n{\"label\":" : "{\"label\":");
		json_write_text(out, label);
		buffer_format(out, ",\"index\":%zu,\"nearest\":", row->label);
		json_write_text(out, nearest);
		buffer_format(out,
		              ",\"nearest_index\":%zu,\"cosine\":%.6f,\"logits_apart\":%.6f,"
		              "\"nearly_the_same\":%s}%s",
		              row->nearest, row->cosine, row->apart, nearly_same(row) ? "true" : "false",
		              lines ? "\n" : "");
	}
	buffer_text(out, lines ? "" : "]\n");
}

static enum exit_code print(const struct labels_report *report, enum output_format format)
{
	struct buffer out = { 0 };
	if (format == FORMAT_TEXT)
		text_rows(&out, report, isatty(STDOUT_FILENO));
	else if (format == FORMAT_TSV)
		tsv_rows(&out, report);
	else
		json_rows(&out, report, format == FORMAT_JSONL);
	return output_text_once(&out);
}

/* Whether a row further up says the same of the same two. Labels of one cosine stand together, so
 * that it is never far. */
static bool was_told(const struct labels_report *report, size_t at)
{
	const struct neighbour *row = &report->neighbours[at];
	for (size_t i = at; i-- > 0 && report->neighbours[i].cosine == row->cosine;)
		if (report->neighbours[i].label == row->nearest &&
		    report->neighbours[i].nearest == row->label)
			return true;
	return false;
}

static void warn(const struct labels_report *report)
{
	size_t told = 0;
	for (size_t i = 0; i < report->count && nearly_same(&report->neighbours[i]); i++) {
		const struct neighbour *row = &report->neighbours[i];
		if (was_told(report, i) || told++ >= WARNINGS_SHOWN)
			continue;
		complain("labels \"%s\" and \"%s\" are nearly the same to this model: cosine %.4f",
		         clipcls_labels_text(report->labels, row->label),
		         clipcls_labels_text(report->labels, row->nearest), row->cosine);
	}
	if (told > WARNINGS_SHOWN)
		complain("%zu more pairs are nearly the same", told - WARNINGS_SHOWN);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static bool usage_makes_sense(const struct options *options)
{
	enum output_format format = options->format;
	if (inputs_named(options))
		complain("--explain-labels is about labels alone and takes no pictures; "
		         "'clipcls eval --explain-labels' is for labelled ones");
	else if (options->probe != NULL)
		complain("--explain-labels is about labels' texts, and a probe has none");
	else if (format != FORMAT_TEXT && format != FORMAT_TSV && format != FORMAT_JSON &&
	         format != FORMAT_JSONL)
		complain("--explain-labels prints text, tsv, json or jsonl");
	else
		return inputs_share_stdin(options);
	return false;
}

enum exit_code explain_labels(const struct options *options)
{
	struct session session = { 0 };
	struct labels_report report = { 0 };
	clipcls_error error = { 0 };
	enum exit_code code = EXIT_FATAL;
	if (!usage_makes_sense(options))
		return EXIT_FATAL;
	if (session_open(&session, options, &error) != CLIPCLS_OK) {
		complain_error(&error);
	} else if (clipcls_labels_count(session.labels) < 2) {
		complain("--explain-labels wants two labels or more");
	} else if (find_neighbours(&report, &session, &error) != CLIPCLS_OK) {
		complain_error(&error);
	} else {
		code = print(&report, options->format);
		if (!options->quiet)
			warn(&report);
	}
	free(report.neighbours);
	session_close(&session);
	return code;
}
