/* What each label does to the error on pictures whose class is known. */
#ifndef CLIPCLS_CLI_LABELLED_LABEL_EFFECT_H
#define CLIPCLS_CLI_LABELLED_LABEL_EFFECT_H

#include "cli/labelled/class_map.h"
#include "cli/labelled/nearest.h"

/* A label, and the list without it. Pictures for which it alone is right are left out of both
 * counts of right ones: without it they have no right answer. */
struct label_effect {
	size_t label;
	size_t taken, wrong;     /* pictures whose answer it is; those of them where it is not right */
	size_t pictures;         /* that are not left out */
	size_t right_with;       /* of these, with the label in the list */
	size_t right_without;    /* of these, without it */
	size_t heir, heir_taken; /* the label to which most of what it took would go, and how many;
	                            heir = how many labels there are: none */
};

/* Pictures of a class whose answer is a label that is not right for it. */
struct mistake {
	size_t class, label;
	size_t pictures;
	double share; /* of the class's pictures */
};

struct label_effects {
	struct label_effect *labels; /* (label_count): those that may be an answer; what the list would
	                                gain without them falls, equals are in the order of the list */
	size_t label_count;
	struct mistake *mistakes; /* their shares fall; equals by class, then label */
	size_t mistake_count;
	size_t right; /* pictures, with all labels */
};

/* answers: (dataset->count), the two nearest labels of each picture among those allowed. False when
 * memory is out. label_effects_free whatever it returns. */
bool label_effects_make(struct label_effects *effects, const struct dataset *dataset,
                        const struct class_map *map, const struct nearest *answers);
void label_effects_free(struct label_effects *effects);

/* The difference that dropping the label makes to top-1, of the pictures not left out. */
double label_effect_change(const struct label_effect *effect);

#endif
