/* How accurate probes of few pictures are, beside the labels' texts alone. */
#ifndef CLIPCLS_CLI_COMMAND_PROBE_CURVE_H
#define CLIPCLS_CLI_COMMAND_PROBE_CURVE_H

#include "cli/labelled/class_map.h"
#include "cli/labelled/shots.h"

#define CURVE_LIMIT 8

struct curve_point {
	size_t shots;    /* 0 = zero-shot */
	size_t pictures; /* learned from */
	double top1, mean_per_class;
};

/* Which pictures a curve is measured with. */
struct curve {
	struct dataset *train, *test;        /* test: the same one, or another of some of its classes */
	const float *train_rows, *test_rows; /* (count, E) each */
	size_t test_from;                    /* examples of `test` ranked below are not tested on */
	size_t test_count;                   /* how many are */
	struct curve_point points[CURVE_LIMIT];
	size_t count;
};

/* Fills the points' shots: zero-shot, 1, 2, 4, 8 and 16 as far as there are classes of so many
 * pictures, and those of --shots; and says where tests begin. `test`: NULL = they are among the
 * training pictures, which then are left for them. False after a message: none is. */
bool curve_plan(struct curve *curve, struct dataset *train, struct dataset *test,
                const struct options *options);

/* Fills the rest of the points. session: with the classifier of the zero-shot labels, zero_shot:
 * which of these are right for a class of `test`. labels: of the training classes. False after a
 * message. */
bool curve_measure(struct curve *curve, const struct class_map *zero_shot,
                   const clipcls_labels *labels, const struct session *session);

enum exit_code curve_print(const struct curve *curve, const struct options *options, size_t failed);

#endif
