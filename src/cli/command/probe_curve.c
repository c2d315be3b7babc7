#include "cli/command/probe_curve.h"

#include "base/clock.h"
#include "cli/labelled/tally.h"
#include "cli/output/output.h"

#include <stdlib.h>

#define MOST_DOUBLED 16 /* the largest of 1, 2, 4, ... shots */

static void add_point(struct curve *curve, size_t shots)
{
	curve->points[curve->count++].shots = shots;
}

bool curve_plan(struct curve *curve, struct dataset *train, struct dataset *test,
                const struct options *options)
{
	/* A picture at least stays for testing where there are no others. */
	size_t most = shots_most(train) - (test == NULL), own = options->shots;
	*curve = (struct curve){ .train = train, .test = test != NULL ? test : train };
	add_point(curve, 0);
	for (size_t shots = 1; shots <= MOST_DOUBLED && shots <= most; shots *= 2) {
		if (own > curve->points[curve->count - 1].shots && own < shots)
			add_point(curve, own);
		add_point(curve, shots);
	}
	size_t last = curve->points[curve->count - 1].shots;
	if (own > last)
		add_point(curve, last = own);
	if (test == NULL)
		curve->test_from = last;
	if (test == NULL && (last == 0 || last > most)) {
		complain("%s: no picture is left to test on: --test names others, or --shots takes fewer",
		         options->operands.items[0]);
		return false;
	}
	return true;
}

/* Ranks the labels for every picture to test on. False when memory is out. */
static bool measure_point(struct curve_point *point, struct curve *curve,
                          const struct class_map *map, const clipcls_classifier *classifier,
                          size_t E)
{
	const struct dataset *test = curve->test;
	clipcls_result *results = calloc(map->labels, sizeof *results);
	struct tally tally = { 0 };
	bool good = results != NULL && tally_init(&tally, map, test->class_count);
	for (size_t i = 0; good && i < test->count; i++) {
		const struct example *example = &test->examples[i];
		if (example->rank < curve->test_from)
			continue;
		clipcls_record record = { .status = CLIPCLS_OK, .results = results };
		clipcls_classifier_rank(classifier, curve->test_rows + i * E, results);
		tally_add(&tally, example->class, &record);
	}
	if (good) {
		struct tally_sum sum = tally_sum(&tally, test->class_count);
		curve->test_count = sum.all.pictures;
		point->top1 = sum.all.pictures > 0 ? (double)sum.all.top1 / (double)sum.all.pictures : 0;
		point->mean_per_class = sum.mean_per_class;
	} else {
		complain("out of memory");
	}
	tally_free(&tally);
	free(results);
	return good;
}

static bool measure_shots(struct curve_point *point, struct curve *curve,
                          const struct class_map *map, const clipcls_labels *labels,
                          const struct session *session)
{
	clipcls_probe *probe = NULL;
	clipcls_classifier *classifier = NULL;
	clipcls_error error = { 0 };
	double start = clock_seconds();
	clipcls_status status = shots_train(&probe, &point->pictures, curve->train, curve->train_rows,
	                                    point->shots, labels, session, &error);
	if (status == CLIPCLS_OK && session->options->verbose)
		complain("probe of %zu shots trained in %.3f s", point->shots, clock_seconds() - start);
	if (status == CLIPCLS_OK)
		status = clipcls_classifier_from_probe(&classifier, session->model, probe, &error);
	if (status != CLIPCLS_OK)
		complain("%s: %zu shots: %s", session->options->operands.items[0], point->shots,
		         error.message);
	bool good = status == CLIPCLS_OK && measure_point(point, curve, map, classifier,
	                                                  clipcls_model_embedding_size(session->model));
	clipcls_classifier_free(classifier);
	clipcls_probe_free(probe);
	return good;
}

bool curve_measure(struct curve *curve, const struct class_map *zero_shot,
                   const clipcls_labels *labels, const struct session *session)
{
	struct class_map map = { 0 };
	size_t E = clipcls_model_embedding_size(session->model);
	bool good = class_map_make(&map, curve->test, labels, NULL, false) &&
	            measure_point(&curve->points[0], curve, zero_shot, session->classifier, E);
	for (size_t i = 1; good && i < curve->count; i++)
		good = measure_shots(&curve->points[i], curve, &map, labels, session);
	class_map_free(&map);
	return good;
}

static void put_text(struct buffer *out, const struct curve *curve, size_t failed)
{
	buffer_format(out, "%-14s %zu", "test pictures", curve->test_count);
	if (failed > 0)
		buffer_format(out, ", and %zu of all that failed", failed);
	buffer_format(out, "\n%-14s %zu\n\n", "classes", curve->train->class_count);
	buffer_text(out, "shots      learned from    top-1  mean per class\n");
	for (size_t i = 0; i < curve->count; i++) {
		const struct curve_point *point = &curve->points[i];
		if (point->shots == 0)
			buffer_format(out, "%-9s  %12s", "zero-shot", "");
		else
			buffer_format(out, "%-9zu  %12zu", point->shots, point->pictures);
		buffer_format(out, "  %5.2f %%         %5.2f %%\n", 100 * point->top1,
		              100 * point->mean_per_class);
	}
}

static void put_json(struct buffer *out, const struct curve *curve, const struct options *options,
                     size_t failed)
{
	buffer_format(out, "{\"test_pictures\":%zu,\"failed\":%zu,\"classes\":%zu,", curve->test_count,
	              failed, curve->train->class_count);
	buffer_format(out, "\"c\":%.17g,\"seed\":%zu,", options->c, options->seed);
	for (size_t i = 0; i < curve->count; i++) {
		const struct curve_point *point = &curve->points[i];
		buffer_text(out, i == 0 ? "\"zero_shot\":{" : i == 1 ? ",\n\"curve\":[{" : ",\n{");
		if (i > 0)
			buffer_format(out, "\"shots\":%zu,\"pictures\":%zu,", point->shots, point->pictures);
		buffer_format(out, "\"top1\":%.6f,\"mean_per_class\":%.6f}", point->top1,
		              point->mean_per_class);
	}
	buffer_text(out, "]}\n");
}

enum exit_code curve_print(const struct curve *curve, const struct options *options, size_t failed)
{
	struct buffer out = { 0 };
	if (options->format == FORMAT_JSON)
		put_json(&out, curve, options, failed);
	else
		put_text(&out, curve, failed);
	return output_text_once(&out);
}
