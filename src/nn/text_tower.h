/* Text towers: token ids -> text embedding. Which one a model has, its family says. */
#ifndef CLIPCLS_NN_TEXT_TOWER_H
#define CLIPCLS_NN_TEXT_TOWER_H

#include "base/arena.h"
#include "model/checkpoint.h"
#include "text/prompt_rows.h"

struct text_tower;

clipcls_status text_tower_load(struct text_tower **out, struct checkpoint *checkpoint,
                               struct pool *pool, clipcls_error *error);
void text_tower_free(struct text_tower *tower);
/* Puts the weights where products run fastest: when many prompts are to come. No result changes. */
void text_tower_settle(struct text_tower *tower, struct pool *pool);

/* Encodes prompts. out: (rows->end_count, E), unit L2 norm, in the order of rows->ends.
 * The arena must have text_tower_scratch(rows->count) zeroed floats left. */
void text_tower_forward(float *out, const struct prompt_rows *rows, const struct text_tower *tower,
                        struct arena *arena, struct pool *pool);
size_t text_tower_scratch(const struct text_tower *tower, size_t rows, size_t threads);

#endif
