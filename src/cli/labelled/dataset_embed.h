/* The embeddings of pictures whose class is known. */
#ifndef CLIPCLS_CLI_LABELLED_DATASET_EMBED_H
#define CLIPCLS_CLI_LABELLED_DATASET_EMBED_H

#include "cli/labelled/dataset.h"
#include "cli/session.h"

/* *rows: (dataset->count, E) embeddings in the order of the examples, allocated. Pictures that
 * fail are told on stderr, counted in *failed, and leave the dataset; that none is left is an
 * error. The session's model must be open. On error *rows is NULL. */
clipcls_status dataset_embed(float **rows, size_t *failed, struct dataset *dataset,
                             const struct session *session, clipcls_error *error);

#endif
