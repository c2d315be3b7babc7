#include "cli/command/eval_print.h"

#include "cli/output/cell.h"
#include "cli/output/output.h"
#include "cli/share.h"

#include <stdio.h>
#include <string.h>

/* The label that a class's pictures are most often taken for, wrongly; labels when there is none.
 */
static size_t worst_mistake(const struct tally *tally, size_t class)
{
	const size_t *taken_for = tally->taken_for + class * tally->map->labels;
	size_t worst = tally->map->labels;
	for (size_t i = 0; i < tally->map->labels; i++)
		if (taken_for[i] > 0 && !class_map_right(tally->map, class, i) &&
		    (worst == tally->map->labels || taken_for[i] > taken_for[worst]))
			worst = i;
	return worst;
}

static void put_class(struct buffer *out, const struct dataset *dataset,
                      const clipcls_labels *labels, const struct tally *tally, size_t class,
                      int width, bool escape)
{
	const struct class_tally *counts = &tally->classes[class];
	size_t worst = worst_mistake(tally, class), n = counts->pictures;
	cell_put(out, dataset->classes[class], width, escape);
	buffer_format(out, "  %8zu  %5.1f %%  %5.1f %%", n, 100 * share(counts->top1, n),
	              100 * share(counts->top5, n));
	if (worst < tally->map->labels) {
		size_t taken = tally->taken_for[class * tally->map->labels + worst];
		buffer_text(out, "  ");
		cell_put(out, clipcls_labels_text(labels, worst), 0, escape);
		buffer_format(out, " (%.1f %%)", 100 * share(taken, n));
	}
	buffer_byte(out, '\n');
}

enum exit_code eval_print_text(const struct dataset *dataset, const clipcls_labels *labels,
                               const struct tally *tally, bool escape)
{
	struct tally_sum sum = tally_sum(tally, dataset->class_count);
	struct buffer out = { 0 };
	size_t n = sum.all.pictures;
	int width = (int)strlen("class");
	for (size_t i = 0; i < dataset->class_count; i++)
		cell_widen(&width, dataset->classes[i]);
	buffer_format(&out, "%-16s %zu", "pictures", n);
	if (sum.all.failed > 0)
		buffer_format(&out, ", and %zu that failed", sum.all.failed);
	buffer_format(&out, "\n%-16s %zu\n", "classes", dataset->class_count);
	buffer_format(&out, "%-16s %.2f %%\n", "top-1", 100 * share(sum.all.top1, n));
	buffer_format(&out, "%-16s %.2f %%\n", "top-5", 100 * share(sum.all.top5, n));
	buffer_format(&out, "%-16s %.2f %%\n", "mean per class", 100 * sum.mean_per_class);
	buffer_format(&out, "%-16s ECE %.2f %%, mean score %.2f %%\n\n", "calibration", 100 * sum.ece,
	              100 * sum.mean_score);
	cell_put(&out, "class", width, false);
	buffer_text(&out, "  pictures    top-1    top-5  most often taken for\n");
	for (size_t i = 0; i < dataset->class_count; i++)
		put_class(&out, dataset, labels, tally, i, width, escape);
	return output_text_once(&out);
}

/* The class's row of the confusion matrix: what is not zero. */
static void put_confusion(struct buffer *out, const clipcls_labels *labels,
                          const struct tally *tally, size_t class)
{
	const size_t *taken_for = tally->taken_for + class * tally->map->labels;
	bool first = true;
	for (size_t i = 0; i < tally->map->labels; i++) {
		if (taken_for[i] == 0)
			continue;
		buffer_text(out, first ? "{\"label\":" : ",{\"label\":");
		json_write_text(out, clipcls_labels_text(labels, i));
		buffer_format(out, ",\"index\":%zu,\"right\":%s,\"pictures\":%zu}", i,
		              class_map_right(tally->map, class, i) ? "true" : "false", taken_for[i]);
		first = false;
	}
}

void eval_json(struct buffer *out, const struct dataset *dataset, const clipcls_labels *labels,
               const struct tally *tally)
{
	struct tally_sum sum = tally_sum(tally, dataset->class_count);
	size_t n = sum.all.pictures;
	buffer_format(out, "{\"pictures\":%zu,\"failed\":%zu,\"top1\":%.6f,\"top5\":%.6f,", n,
	              sum.all.failed, share(sum.all.top1, n), share(sum.all.top5, n));
	buffer_format(out, "\"mean_per_class\":%.6f,\"ece\":%.6f,\"mean_score\":%.6f,\"classes\":[",
	              sum.mean_per_class, sum.ece, sum.mean_score);
	for (size_t i = 0; i < dataset->class_count; i++) {
		const struct class_tally *counts = &tally->classes[i];
		buffer_text(out, i > 0 ? ",\n{\"class\":" : "\n{\"class\":");
		json_write_text(out, dataset->classes[i]);
		buffer_format(out, ",\"pictures\":%zu,\"failed\":%zu,\"top1\":%.6f,\"top5\":%.6f,",
		              counts->pictures, counts->failed, share(counts->top1, counts->pictures),
		              share(counts->top5, counts->pictures));
		buffer_text(out, "\"confusion\":[");
		put_confusion(out, labels, tally, i);
		buffer_text(out, "]}");
	}
	buffer_text(out, "]}\n");
}

enum exit_code eval_print_json(const struct dataset *dataset, const clipcls_labels *labels,
                               const struct tally *tally)
{
	struct buffer out = { 0 };
	eval_json(&out, dataset, labels, tally);
	return output_text_once(&out);
}
