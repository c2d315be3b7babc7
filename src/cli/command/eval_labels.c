#include "cli/command/eval.h"

#include "cli/labelled/dataset_embed.h"
#include "cli/labelled/label_effect.h"
#include "cli/output/cell.h"
#include "cli/output/output.h"
#include "cli/share.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MISTAKES_SHOWN 20 /* in text; json has all */

struct labels_report {
	const struct dataset *dataset;
	const clipcls_labels *labels;
	const struct class_map *map;
	struct label_effects effects;
	size_t failed;
	bool escape; /* text: controls are shown as escapes, for a terminal */
};

/* ---- text ----------------------------------------------------------------------------------- */

static void put_label(struct buffer *out, const struct labels_report *report, size_t label,
                      int width)
{
	cell_put(out, clipcls_labels_text(report->labels, label), width, report->escape);
}

/* How many classes a label is right for. One that is right for none can be dropped. */
static size_t classes_of(const struct labels_report *report, size_t label)
{
	size_t n = 0;
	for (size_t i = 0; i < report->dataset->class_count; i++)
		n += class_map_right(report->map, i, label);
	return n;
}

static void text_effects(struct buffer *out, const struct labels_report *report, int width)
{
	buffer_text(out, "every label, and the list without it\n");
	cell_put(out, "label", width, false);
	buffer_text(out,
	            "  classes   taken  wrongly  pictures     with  without   change  most go to\n");
	for (size_t i = 0; i < report->effects.label_count; i++) {
		const struct label_effect *effect = &report->effects.labels[i];
		put_label(out, report, effect->label, width);
		buffer_format(out, "  %7zu  %6zu  %7zu  %8zu  %5.2f %%  %5.2f %%  %+7.2f  ",
		              classes_of(report, effect->label), effect->taken, effect->wrong,
		              effect->pictures, 100 * share(effect->right_with, effect->pictures),
		              100 * share(effect->right_without, effect->pictures),
		              100 * label_effect_change(effect));
		if (effect->heir < report->map->labels) {
			put_label(out, report, effect->heir, 0);
			buffer_format(out, " (%zu)", effect->heir_taken);
		} else {
			buffer_byte(out, '-');
		}
		buffer_byte(out, '\n');
	}
}

static void text_mistakes(struct buffer *out, const struct labels_report *report, int width)
{
	const struct label_effects *effects = &report->effects;
	size_t shown =
	    effects->mistake_count < MISTAKES_SHOWN ? effects->mistake_count : MISTAKES_SHOWN;
	buffer_format(out, "\nwhat classes are taken for, the largest %zu of %zu shares\n", shown,
	              effects->mistake_count);
	cell_put(out, "class", width, false);
	buffer_text(out, "  pictures    share  label\n");
	for (size_t i = 0; i < shown; i++) {
		const struct mistake *mistake = &effects->mistakes[i];
		cell_put(out, report->dataset->classes[mistake->class], width, report->escape);
		buffer_format(out, "  %8zu  %5.1f %%  ", mistake->pictures, 100 * mistake->share);
		put_label(out, report, mistake->label, 0);
		buffer_byte(out, '\n');
	}
}

static enum exit_code print_text(const struct labels_report *report)
{
	const struct label_effects *effects = &report->effects;
	struct buffer out = { 0 };
	size_t n = report->dataset->count;
	int width = (int)strlen("label");
	for (size_t i = 0; i < report->map->labels; i++)
		cell_widen(&width, clipcls_labels_text(report->labels, i));
	buffer_format(&out, "%-16s %zu", "pictures", n);
	if (report->failed > 0)
		buffer_format(&out, ", and %zu that failed", report->failed);
	buffer_format(&out, "\n%-16s %zu\n%-16s %zu\n", "classes", report->dataset->class_count,
	              "labels", effects->label_count);
	buffer_format(&out, "%-16s %.2f %%\n\n", "top-1", 100 * share(effects->right, n));
	text_effects(&out, report, width);
	width = (int)strlen("class");
	for (size_t i = 0; i < report->dataset->class_count; i++)
		cell_widen(&width, report->dataset->classes[i]);
	text_mistakes(&out, report, width);
	return output_text_once(&out);
}

/* ---- json ----------------------------------------------------------------------------------- */

static void json_label(struct buffer *out, const struct labels_report *report, size_t label)
{
	buffer_text(out, "\"label\":");
	json_write_text(out, clipcls_labels_text(report->labels, label));
	buffer_format(out, ",\"index\":%zu", label);
}

static void json_effect(struct buffer *out, const struct labels_report *report,
                        const struct label_effect *effect)
{
	bool first = true;
	json_label(out, report, effect->label);
	buffer_text(out, ",\"right_for\":[");
	for (size_t i = 0; i < report->dataset->class_count; i++) {
		if (!class_map_right(report->map, i, effect->label))
			continue;
		buffer_text(out, first ? "" : ",");
		json_write_text(out, report->dataset->classes[i]);
		first = false;
	}
	buffer_format(out, "],\"taken\":%zu,\"taken_wrongly\":%zu,\"pictures\":%zu,", effect->taken,
	              effect->wrong, effect->pictures);
	buffer_format(out, "\"top1_with\":%.6f,\"top1_without\":%.6f,\"change\":%.6f,\"most_go_to\":",
	              share(effect->right_with, effect->pictures),
	              share(effect->right_without, effect->pictures), label_effect_change(effect));
	if (effect->heir == report->map->labels) {
		buffer_text(out, "null}");
		return;
	}
	buffer_byte(out, '{');
	json_label(out, report, effect->heir);
	buffer_format(out, ",\"pictures\":%zu}}", effect->heir_taken);
}

static enum exit_code print_json(const struct labels_report *report)
{
	const struct label_effects *effects = &report->effects;
	struct buffer out = { 0 };
	buffer_format(&out, "{\"pictures\":%zu,\"failed\":%zu,\"top1\":%.6f,\"labels\":[",
	              report->dataset->count, report->failed,
	              share(effects->right, report->dataset->count));
	for (size_t i = 0; i < effects->label_count; i++) {
		buffer_text(&out, i > 0 ? ",\n{" : "\n{");
		json_effect(&out, report, &effects->labels[i]);
	}
	buffer_text(&out, "],\n\"mistakes\":[");
	for (size_t i = 0; i < effects->mistake_count; i++) {
		const struct mistake *mistake = &effects->mistakes[i];
		buffer_text(&out, i > 0 ? ",\n{\"class\":" : "\n{\"class\":");
		json_write_text(&out, report->dataset->classes[mistake->class]);
		buffer_byte(&out, ',');
		json_label(&out, report, mistake->label);
		buffer_format(&out, ",\"pictures\":%zu,\"share\":%.6f}", mistake->pictures, mistake->share);
	}
	buffer_text(&out, "]}\n");
	return output_text_once(&out);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static bool find_effects(struct labels_report *report, const struct session *session,
                         const float *embeddings)
{
	struct label_rows labels = { .model = session->model,
		                         .rows = clipcls_classifier_embeddings(session->classifier),
		                         .L = report->map->labels,
		                         .allowed = report->map->allowed };
	struct nearest *answers = calloc(report->dataset->count, sizeof *answers);
	bool good = answers != NULL &&
	            nearest_labels(answers, embeddings, report->dataset->count, &labels) &&
	            label_effects_make(&report->effects, report->dataset, report->map, answers);
	free(answers);
	if (!good)
		complain("out of memory");
	return good;
}

enum exit_code eval_labels(struct session *session, struct dataset *dataset,
                           const struct options *options)
{
	struct class_map map = { 0 };
	struct labels_report report = { .dataset = dataset,
		                            .map = &map,
		                            .escape = isatty(STDOUT_FILENO) };
	float *embeddings = NULL;
	clipcls_error error = { 0 };
	enum exit_code code = EXIT_FATAL;
	if (session_open(session, options, &error) != CLIPCLS_OK) {
		complain_error(&error);
		goto cleanup;
	}
	report.labels = session->labels;
	if (!class_map_make(&map, dataset, session->labels, options->names, options->subset))
		goto cleanup;
	if (dataset_embed(&embeddings, &report.failed, dataset, session, &error) != CLIPCLS_OK)
		complain_error(&error);
	else if (find_effects(&report, session, embeddings))
		code = options->format == FORMAT_JSON ? print_json(&report) : print_text(&report);
	if (code == EXIT_DONE && report.failed > 0)
		code = EXIT_SOME_FAILED;
cleanup:
	free(embeddings);
	label_effects_free(&report.effects);
	class_map_free(&map);
	return code;
}
