/* Some pictures of each class, chosen at random, and probes that learn from them. */
#ifndef CLIPCLS_CLI_LABELLED_SHOTS_H
#define CLIPCLS_CLI_LABELLED_SHOTS_H

#include "cli/labelled/dataset.h"
#include "cli/session.h"

/* Gives each example its rank, from 0, in a random order of its class: n shots are those ranked
 * below n, so that fewer shots are always among more. The order is the same for the same seed,
 * name of the class and number of its pictures, on every machine (docs/probes.md). False after a
 * message: memory is out. */
bool shots_rank(struct dataset *dataset, uint64_t seed);

/* Drops the examples ranked `shots` and above. */
void shots_keep(struct dataset *dataset, size_t shots);

/* Pictures of the class that has most. */
size_t shots_most(const struct dataset *dataset);

/* A probe of the dataset's classes, learned from the examples ranked below `shots` (0 = from all).
 * *pictures: how many these are.   rows: (dataset->count, E) embeddings.   labels: of the classes,
 * in their order. */
clipcls_status shots_train(clipcls_probe **out, size_t *pictures, const struct dataset *dataset,
                           const float *rows, size_t shots, const clipcls_labels *labels,
                           const struct session *session, clipcls_error *error);

#endif
