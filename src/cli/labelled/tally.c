#include "cli/labelled/tally.h"

#include <math.h>
#include <stdlib.h>

bool tally_init(struct tally *tally, const struct class_map *map, size_t classes)
{
	*tally = (struct tally){ .map = map };
	tally->classes = calloc(classes, sizeof *tally->classes);
	/* No overflow: the map holds as many. */
	tally->taken_for = calloc(classes * map->labels, sizeof *tally->taken_for);
	return tally->classes != NULL && tally->taken_for != NULL;
}

void tally_free(struct tally *tally)
{
	free(tally->classes);
	free(tally->taken_for);
	*tally = (struct tally){ 0 };
}

static void add_answer(struct tally *tally, size_t class, const clipcls_result *answer,
                       double score)
{
	bool right = class_map_right(tally->map, class, answer->index);
	size_t bin = score < 1 ? (size_t)(score * TALLY_BINS) : TALLY_BINS - 1;
	tally->classes[class].top1 += right;
	tally->taken_for[class * tally->map->labels + answer->index]++;
	tally->bin_pictures[bin]++;
	tally->bin_right[bin] += right;
	tally->bin_score[bin] += score;
}

void tally_add(struct tally *tally, size_t class, const clipcls_record *record)
{
	const struct class_map *map = tally->map;
	const clipcls_result *answer = NULL;
	double allowed = 0;
	size_t place = 0;
	bool among_five = false;
	if (record->status != CLIPCLS_OK) {
		tally->classes[class].failed++;
		return;
	}
	for (size_t i = 0; i < map->labels; i++) {
		const clipcls_result *result = &record->results[i];
		if (!map->allowed[result->index])
			continue;
		allowed += result->score;
		answer = answer == NULL ? result : answer;
		among_five = among_five || (place < 5 && class_map_right(map, class, result->index));
		place++;
	}
	tally->classes[class].pictures++;
	tally->classes[class].top5 += among_five;
	add_answer(tally, class, answer, allowed > 0 ? answer->score / allowed : 0);
}

struct tally_sum tally_sum(const struct tally *tally, size_t classes)
{
	struct tally_sum sum = { 0 };
	size_t with_pictures = 0;
	for (size_t i = 0; i < classes; i++) {
		const struct class_tally *class = &tally->classes[i];
		sum.all.pictures += class->pictures;
		sum.all.failed += class->failed;
		sum.all.top1 += class->top1;
		sum.all.top5 += class->top5;
		if (class->pictures > 0) {
			sum.mean_per_class += (double)class->top1 / (double)class->pictures;
			with_pictures++;
		}
	}
	if (sum.all.pictures == 0)
		return sum;
	double pictures = (double)sum.all.pictures;
	sum.mean_per_class /= (double)with_pictures;
	/* |accuracy - mean score| of a bin times its share of the pictures. */
	for (size_t bin = 0; bin < TALLY_BINS; bin++) {
		sum.mean_score += tally->bin_score[bin] / pictures;
		sum.ece += fabs((double)tally->bin_right[bin] - tally->bin_score[bin]) / pictures;
	}
	return sum;
}
