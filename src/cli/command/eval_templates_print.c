#include "cli/command/eval_templates_print.h"

#include "cli/output/cell.h"
#include "cli/output/output.h"
#include "cli/share.h"

#include <stdlib.h>
#include <string.h>

/* What a classifier's figures are made of. */
struct figures {
	size_t candidate; /* or study->T + STUDY_... */
	size_t right;
	size_t helped, hurt; /* the classes that gain and lose most beside "simple"; C = none */
	size_t *classes;     /* (C) right pictures */
};

struct table {
	const struct templates_report *report;
	struct figures *rows; /* (T + STUDY_MORE); the candidates come first, the best one foremost */
	size_t *counts;       /* (T + STUDY_MORE, C) */
	size_t *pictures;     /* (C) */
};

/* ---- figures -------------------------------------------------------------------------------- */

static double class_change(const struct table *table, const struct figures *row, size_t class)
{
	size_t T = table->report->study->T, C = table->report->study->C;
	const size_t *simple = table->counts + (T + STUDY_SIMPLE) * C;
	double n = (double)table->pictures[class];
	return n > 0 ? ((double)row->classes[class] - (double)simple[class]) / n : 0;
}

static double change(const struct table *table, size_t right)
{
	const struct template_study *study = table->report->study;
	size_t simple = template_study_right(study, study->T + STUDY_SIMPLE, 0, study->N);
	return ((double)right - (double)simple) / (double)study->N;
}

static void fill_row(struct table *table, size_t candidate)
{
	const struct template_study *study = table->report->study;
	struct figures *row = &table->rows[candidate];
	double most = 0, least = 0;
	*row = (struct figures){ .candidate = candidate,
		                     .right = template_study_right(study, candidate, 0, study->N),
		                     .helped = study->C,
		                     .hurt = study->C,
		                     .classes = table->counts + candidate * study->C };
	for (size_t i = 0; i < study->C; i++) {
		double points = class_change(table, row, i);
		if (points > most) {
			most = points;
			row->helped = i;
		} else if (points < least) {
			least = points;
			row->hurt = i;
		}
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct figures *x = a, *y = b;
	if (x->right != y->right)
		return x->right > y->right ? -1 : 1;
	return x->candidate < y->candidate ? -1 : x->candidate > y->candidate;
}

static void table_free(struct table *table)
{
	free(table->rows);
	free(table->counts);
	free(table->pictures);
}

static bool table_make(struct table *table, const struct templates_report *report)
{
	const struct template_study *study = report->study;
	size_t n = study->T + STUDY_MORE;
	*table = (struct table){ .report = report,
		                     .rows = calloc(n, sizeof *table->rows),
		                     .counts = calloc(n, study->C * sizeof *table->counts),
		                     .pictures = calloc(study->C, sizeof *table->pictures) };
	if (table->rows == NULL || table->counts == NULL || table->pictures == NULL) {
		complain("out of memory");
		table_free(table);
		return false;
	}
	for (size_t i = 0; i < study->N; i++)
		table->pictures[study->class_of[i]]++;
	for (size_t i = 0; i < n; i++)
		template_study_classes(table->counts + i * study->C, study, i);
	for (size_t i = 0; i < n; i++)
		fill_row(table, i);
	qsort(table->rows, study->T, sizeof *table->rows, compare_rows);
	return true;
}

/* ---- text ----------------------------------------------------------------------------------- */

/* "koala +12.5", as wide as asked for. */
static void put_points(struct buffer *out, const struct table *table, const struct figures *row,
                       size_t class, int width, bool escape)
{
	struct buffer cell = { 0 };
	if (class == table->report->study->C)
		buffer_byte(&cell, '-');
	else
		buffer_format(&cell, "%s %+.1f", table->report->dataset->classes[class],
		              100 * class_change(table, row, class));
	out->failed = out->failed || cell.failed;
	cell_put(out, cell.failed ? "" : cell.bytes, width, escape);
	buffer_free(&cell);
}

static void put_candidates(struct buffer *out, const struct table *table, bool escape)
{
	const struct templates_report *report = table->report;
	const struct template_study *study = report->study;
	int wide = (int)strlen("template"), helps = (int)strlen("helps most") - (int)strlen(" +100.0");
	for (size_t i = 0; i < study->T; i++) {
		cell_widen(&wide, clipcls_templates_text(report->candidates, i));
		if (table->rows[i].helped < study->C)
			cell_widen(&helps, report->dataset->classes[table->rows[i].helped]);
	}
	helps += (int)strlen(" +100.0");
	buffer_text(out, "   top-1  vs simple  ");
	cell_put(out, "template", wide + 2, false);
	cell_put(out, "helps most", helps + 2, false);
	buffer_text(out, "hurts most\n");
	for (size_t i = 0; i < study->T; i++) {
		const struct figures *row = &table->rows[i];
		buffer_format(out, "%6.2f %%  %+9.2f  ", 100 * share(row->right, study->N),
		              100 * change(table, row->right));
		cell_put(out, clipcls_templates_text(report->candidates, row->candidate), wide + 2, escape);
		put_points(out, table, row, row->helped, helps + 2, escape);
		put_points(out, table, row, row->hurt, 0, escape);
		buffer_byte(out, '\n');
	}
}

/* One classifier on both halves, and how far the difference is chance. */
static void put_halves(struct buffer *out, const struct template_study *study, const char *name,
                       size_t classifier)
{
	size_t half = study->choosing, others = study->N - half;
	size_t simple = study->T + STUDY_SIMPLE;
	size_t right = template_study_right(study, classifier, half, study->N);
	buffer_format(out, "%-16s %7.2f %%", name,
	              100 * share(template_study_right(study, classifier, 0, half), half));
	if (others > 0) {
		size_t before = template_study_right(study, simple, half, study->N);
		buffer_format(out, "  %7.2f %%", 100 * share(right, others));
		if (classifier != simple)
			buffer_format(out, "  %+9.2f  +- %.2f",
			              100 * ((double)right - (double)before) / (double)others,
			              100 * template_study_error(study, classifier, simple, half, study->N));
	}
	buffer_byte(out, '\n');
}

enum exit_code eval_templates_text(const struct templates_report *report, bool escape)
{
	const struct template_study *study = report->study;
	struct buffer out = { 0 };
	struct table table;
	if (!table_make(&table, report))
		return EXIT_FATAL;
	size_t ensemble = table.rows[study->T + STUDY_ENSEMBLE].right;
	buffer_format(&out, "%-16s %zu", "pictures", study->N);
	if (report->failed > 0)
		buffer_format(&out, ", and %zu that failed", report->failed);
	buffer_format(&out, "\n%-16s %zu\n%-16s %zu\n", "classes", study->C, "labels", study->L);
	buffer_format(&out, "%-16s %.2f %%\n", "simple",
	              100 * share(table.rows[study->T + STUDY_SIMPLE].right, study->N));
	buffer_format(&out, "%-16s %.2f %% (%zu templates, %+.2f vs simple)\n\n", "all together",
	              100 * share(ensemble, study->N), study->T, 100 * change(&table, ensemble));
	put_candidates(&out, &table, escape);
	buffer_format(&out, "\n%-16s %s  %s  vs simple\n", "top-1", "chosen on", "judged on");
	buffer_format(&out, "%-16s %9zu  %9zu\n", "pictures", study->choosing,
	              study->N - study->choosing);
	put_halves(&out, study, "simple", study->T + STUDY_SIMPLE);
	put_halves(&out, study, "all together", study->T + STUDY_ENSEMBLE);
	put_halves(&out, study, "suggested", study->T + STUDY_CHOSEN);
	buffer_text(&out, "\nsuggested templates:\n");
	for (size_t i = 0; i < study->chosen_count; i++) {
		cell_put(&out, clipcls_templates_text(report->candidates, study->chosen[i]), 0, escape);
		buffer_byte(&out, '\n');
	}
	table_free(&table);
	return output_text_once(&out);
}

/* ---- json ----------------------------------------------------------------------------------- */

static void put_class_change(struct buffer *out, const struct table *table,
                             const struct figures *row, const char *key, size_t class)
{
	if (class == table->report->study->C) {
		buffer_format(out, ",\"%s\":null", key);
		return;
	}
	buffer_format(out, ",\"%s\":{\"class\":", key);
	json_write_text(out, table->report->dataset->classes[class]);
	buffer_format(out, ",\"change\":%.6f}", class_change(table, row, class));
}

/* Without the brace that opens it. */
static void put_figures(struct buffer *out, const struct table *table, const struct figures *row)
{
	const struct template_study *study = table->report->study;
	buffer_format(out, "\"top1\":%.6f,\"change\":%.6f", share(row->right, study->N),
	              change(table, row->right));
	put_class_change(out, table, row, "helps", row->helped);
	put_class_change(out, table, row, "hurts", row->hurt);
	buffer_text(out, ",\"class_top1\":[");
	for (size_t i = 0; i < study->C; i++)
		buffer_format(out, "%s%.6f", i > 0 ? "," : "", share(row->classes[i], table->pictures[i]));
	buffer_text(out, "]}");
}

static void put_half(struct buffer *out, const struct template_study *study, const char *name,
                     size_t classifier)
{
	size_t half = study->choosing, others = study->N - half;
	buffer_format(out, ",\n\"%s\":{\"chosen_on\":%.6f,\"judged_on\":", name,
	              share(template_study_right(study, classifier, 0, half), half));
	if (others == 0) {
		buffer_text(out, "null,\"standard_error\":null}");
		return;
	}
	buffer_format(out, "%.6f,\"standard_error\":%.6f}",
	              share(template_study_right(study, classifier, half, study->N), others),
	              template_study_error(study, classifier, study->T + STUDY_SIMPLE, half, study->N));
}

static void put_classes(struct buffer *out, const struct table *table)
{
	for (size_t i = 0; i < table->report->study->C; i++) {
		buffer_text(out, i > 0 ? ",{\"class\":" : "{\"class\":");
		json_write_text(out, table->report->dataset->classes[i]);
		buffer_format(out, ",\"pictures\":%zu}", table->pictures[i]);
	}
}

enum exit_code eval_templates_json(const struct templates_report *report)
{
	const struct template_study *study = report->study;
	struct buffer out = { 0 };
	struct table table;
	if (!table_make(&table, report))
		return EXIT_FATAL;
	buffer_format(&out, "{\"pictures\":%zu,\"failed\":%zu,\"labels\":%zu,\n\"classes\":[", study->N,
	              report->failed, study->L);
	put_classes(&out, &table);
	buffer_text(&out, "],\n\"simple\":{");
	put_figures(&out, &table, &table.rows[study->T + STUDY_SIMPLE]);
	buffer_text(&out, ",\n\"all\":{");
	put_figures(&out, &table, &table.rows[study->T + STUDY_ENSEMBLE]);
	buffer_text(&out, ",\n\"templates\":[");
	for (size_t i = 0; i < study->T; i++) {
		const struct figures *row = &table.rows[i];
		buffer_text(&out, i > 0 ? ",\n{\"template\":" : "\n{\"template\":");
		json_write_text(&out, clipcls_templates_text(report->candidates, row->candidate));
		buffer_format(&out, ",\"index\":%zu,", row->candidate);
		put_figures(&out, &table, row);
	}
	buffer_format(&out, "],\n\"halves\":{\"chosen_on\":%zu,\"judged_on\":%zu", study->choosing,
	              study->N - study->choosing);
	put_half(&out, study, "simple", study->T + STUDY_SIMPLE);
	put_half(&out, study, "all", study->T + STUDY_ENSEMBLE);
	put_half(&out, study, "suggested", study->T + STUDY_CHOSEN);
	buffer_text(&out, "},\n\"suggested\":[");
	for (size_t i = 0; i < study->chosen_count; i++) {
		buffer_text(&out, i > 0 ? "," : "");
		json_write_text(&out, clipcls_templates_text(report->candidates, study->chosen[i]));
	}
	buffer_text(&out, "]}\n");
	table_free(&table);
	return output_text_once(&out);
}
