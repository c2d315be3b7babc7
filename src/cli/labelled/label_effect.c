#include "cli/labelled/label_effect.h"

#include <stdlib.h>

/* N pictures, C classes, L labels. */
struct work {
	const struct dataset *dataset;
	const struct class_map *map;
	const struct nearest *answers; /* (N) */
	size_t *class_pictures;        /* (C) */
	size_t *class_right;           /* (C) */
	size_t *only_right;            /* (C): the one label that is right; L = several are */
	struct label_effect *all;      /* (L) */
};

static bool is_right(const struct work *work, size_t class, size_t label)
{
	return label < work->map->labels && class_map_right(work->map, class, label);
}

static void find_only_right(struct work *work)
{
	size_t L = work->map->labels;
	for (size_t class = 0; class < work->dataset->class_count; class ++) {
		size_t count = 0, last = L;
		for (size_t i = 0; i < L; i++) {
			if (class_map_right(work->map, class, i)) {
				last = i;
				count++;
			}
		}
		work->only_right[class] = count == 1 ? last : L;
	}
}

/* Everything but who inherits. */
static void count_effects(struct work *work, struct label_effects *effects)
{
	size_t L = work->map->labels, N = work->dataset->count;
	for (size_t i = 0; i < N; i++) {
		size_t class = work->dataset->examples[i].class, first = work->answers[i].first;
		bool right = is_right(work, class, first);
		work->class_pictures[class]++;
		work->class_right[class] += right;
		effects->right += right;
		work->all[first].taken++;
		work->all[first].wrong += !right;
	}
	for (size_t i = 0; i < L; i++) {
		struct label_effect *effect = &work->all[i];
		effect->label = i;
		effect->heir = L;
		effect->pictures = N;
		effect->right_with = effects->right;
	}
	for (size_t class = 0; class < work->dataset->class_count; class ++) {
		if (work->only_right[class] == L)
			continue;
		struct label_effect *effect = &work->all[work->only_right[class]];
		effect->pictures -= work->class_pictures[class];
		effect->right_with -= work->class_right[class];
	}
	for (size_t i = 0; i < L; i++)
		work->all[i].right_without = work->all[i].right_with;
	/* A label's pictures go to their second label. */
	for (size_t i = 0; i < N; i++) {
		size_t class = work->dataset->examples[i].class, first = work->answers[i].first;
		if (work->only_right[class] == first)
			continue;
		work->all[first].right_without -= is_right(work, class, first);
		work->all[first].right_without += is_right(work, class, work->answers[i].second);
	}
}

/* ---- pairs that are counted ----------------------------------------------------------------- */

struct pair {
	size_t a, b;
};

static int compare_pairs(const void *x, const void *y)
{
	const struct pair *p = x, *q = y;
	if (p->a != q->a)
		return p->a < q->a ? -1 : 1;
	return p->b < q->b ? -1 : p->b > q->b;
}

/* How many pairs from `at` on are the same, in sorted pairs. */
static size_t run_length(const struct pair *pairs, size_t at, size_t n)
{
	size_t end = at;
	while (end < n && compare_pairs(&pairs[at], &pairs[end]) == 0)
		end++;
	return end - at;
}

/* pairs: (N) scratch. Of equally many, the earlier label inherits. */
static void find_heirs(struct work *work, struct pair *pairs)
{
	size_t n = 0;
	for (size_t i = 0; i < work->dataset->count; i++) {
		const struct nearest *answer = &work->answers[i];
		if (work->only_right[work->dataset->examples[i].class] != answer->first &&
		    answer->second < work->map->labels)
			pairs[n++] = (struct pair){ answer->first, answer->second };
	}
	qsort(pairs, n, sizeof *pairs, compare_pairs);
	for (size_t at = 0, length; at < n; at += length) {
		struct label_effect *effect = &work->all[pairs[at].a];
		length = run_length(pairs, at, n);
		if (length > effect->heir_taken) {
			effect->heir = pairs[at].b;
			effect->heir_taken = length;
		}
	}
}

static int compare_mistakes(const void *x, const void *y)
{
	const struct mistake *p = x, *q = y;
	if (p->share != q->share)
		return p->share > q->share ? -1 : 1;
	if (p->class != q->class)
		return p->class < q->class ? -1 : 1;
	return p->label < q->label ? -1 : p->label > q->label;
}

/* pairs: (N) scratch. */
static void find_mistakes(struct label_effects *effects, const struct work *work,
                          struct pair *pairs)
{
	size_t n = 0;
	for (size_t i = 0; i < work->dataset->count; i++) {
		size_t class = work->dataset->examples[i].class, first = work->answers[i].first;
		if (!is_right(work, class, first))
			pairs[n++] = (struct pair){ class, first };
	}
	qsort(pairs, n, sizeof *pairs, compare_pairs);
	for (size_t at = 0, length; at < n; at += length) {
		size_t class = pairs[at].a;
		length = run_length(pairs, at, n);
		effects->mistakes[effects->mistake_count++] = (struct mistake){
			.class = class,
			.label = pairs[at].b,
			.pictures = length,
			.share = (double)length / (double)work->class_pictures[class],
		};
	}
	qsort(effects->mistakes, effects->mistake_count, sizeof *effects->mistakes, compare_mistakes);
}

/* ---- all of it ------------------------------------------------------------------------------ */

double label_effect_change(const struct label_effect *effect)
{
	double with = (double)effect->right_with, without = (double)effect->right_without;
	return effect->pictures > 0 ? (without - with) / (double)effect->pictures : 0;
}

static int compare_effects(const void *x, const void *y)
{
	const struct label_effect *p = x, *q = y;
	double a = label_effect_change(p), b = label_effect_change(q);
	if (a != b)
		return a > b ? -1 : 1;
	return p->label < q->label ? -1 : p->label > q->label;
}

bool label_effects_make(struct label_effects *effects, const struct dataset *dataset,
                        const struct class_map *map, const struct nearest *answers)
{
	size_t N = dataset->count, C = dataset->class_count;
	struct pair *pairs = calloc(N, sizeof *pairs);
	struct work work = { .dataset = dataset,
		                 .map = map,
		                 .answers = answers,
		                 .class_pictures = calloc(C, sizeof *work.class_pictures),
		                 .class_right = calloc(C, sizeof *work.class_right),
		                 .only_right = calloc(C, sizeof *work.only_right),
		                 .all = calloc(map->labels, sizeof *work.all) };
	*effects = (struct label_effects){ .labels = work.all,
		                               .mistakes = calloc(N, sizeof *effects->mistakes) };
	bool good = pairs != NULL && work.class_pictures != NULL && work.class_right != NULL &&
	            work.only_right != NULL && work.all != NULL && effects->mistakes != NULL;
	if (good) {
		find_only_right(&work);
		count_effects(&work, effects);
		find_heirs(&work, pairs);
		find_mistakes(effects, &work, pairs);
		for (size_t i = 0; i < map->labels; i++)
			if (map->allowed[i])
				work.all[effects->label_count++] = work.all[i];
		qsort(work.all, effects->label_count, sizeof *work.all, compare_effects);
	}
	free(pairs);
	free(work.class_pictures);
	free(work.class_right);
	free(work.only_right);
	return good;
}

void label_effects_free(struct label_effects *effects)
{
	free(effects->labels);
	free(effects->mistakes);
	*effects = (struct label_effects){ 0 };
}
