/* How right a classifier is: counted picture by picture. */
#ifndef CLIPCLS_CLI_LABELLED_TALLY_H
#define CLIPCLS_CLI_LABELLED_TALLY_H

#include "cli/labelled/class_map.h"

#define TALLY_BINS 15 /* of the calibration error, as in Guo et al. 2017 */

struct class_tally {
	size_t pictures, failed; /* failed ones are not among the pictures */
	size_t top1, top5;
};

struct tally {
	const struct class_map *map;
	struct class_tally *classes; /* (classes) */
	size_t *taken_for; /* (classes, labels): pictures of a class whose answer a label was */
	size_t bin_pictures[TALLY_BINS], bin_right[TALLY_BINS];
	double bin_score[TALLY_BINS]; /* sums of the answers' scores */
};

/* False when memory is out. */
bool tally_init(struct tally *tally, const struct class_map *map, size_t classes);
void tally_free(struct tally *tally);

/* One picture of a class. Labels that may not be an answer are left out of the ranking, and scores
 * are softmax over the others. */
void tally_add(struct tally *tally, size_t class, const clipcls_record *record);

/* Over all classes. */
struct tally_sum {
	struct class_tally all;
	double mean_per_class; /* top-1, of classes that have pictures */
	double mean_score;     /* of answers */
	double ece;            /* expected calibration error, over TALLY_BINS equal bins of the score */
};
struct tally_sum tally_sum(const struct tally *tally, size_t classes);

#endif
