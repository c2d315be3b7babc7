/* CLIP's text transformer: token ids -> text embedding. Radford et al. 2021, section 2.4. */
#ifndef CLIPCLS_NN_TEXT_TOWER_H
#define CLIPCLS_NN_TEXT_TOWER_H

#include "nn/transformer.h"
#include "text/prompt_trie.h"

struct text_tower;

clipcls_status text_tower_load(struct text_tower **out, struct checkpoint *checkpoint,
                               struct pool *pool, clipcls_error *error);
void text_tower_free(struct text_tower *tower);
/* transformer_settle of the tower: when many prompts are to come. */
void text_tower_settle(struct text_tower *tower, struct pool *pool);

/* Encodes a trie's prompts. out: (trie->end_count, E), unit L2 norm, in the order of trie->ends.
 * The arena must have text_tower_scratch(rows = trie->count) zeroed floats left. */
void text_tower_forward(float *out, const struct prompt_trie *trie, const struct text_tower *tower,
                        struct arena *arena, struct pool *pool);
size_t text_tower_scratch(const struct text_tower *tower, size_t rows, size_t threads);

#endif
