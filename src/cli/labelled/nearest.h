/* The two labels that are nearest to each of many pictures, as clipcls_classifier_rank has them. */
#ifndef CLIPCLS_CLI_LABELLED_NEAREST_H
#define CLIPCLS_CLI_LABELLED_NEAREST_H

#include "cli/cli.h"

struct nearest {
	size_t first, second; /* labels; how many labels there are = none */
};

/* Label embeddings of unit length. */
struct label_rows {
	clipcls_model *model; /* says E; its threads do the work */
	const float *rows;    /* (L, E) */
	size_t L;
	const bool *allowed; /* (L): may be an answer; NULL = all */
};

/* pictures: (n, E) embeddings of unit length.   out: (n). False when memory is out. */
bool nearest_labels(struct nearest *out, const float *pictures, size_t n,
                    const struct label_rows *labels);

#endif
