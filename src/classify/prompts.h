/* Texts -> token ids -> tries -> unit embeddings, in as few rows of the text tower as possible. */
#ifndef CLIPCLS_CLASSIFY_PROMPTS_H
#define CLIPCLS_CLASSIFY_PROMPTS_H

#include "classify/model.h"

/* Where one tokenised prompt lies. */
struct prompt_place {
	size_t start;         /* in the list's ids */
	size_t count, pooled; /* of struct prompt */
};

/* Tokenised prompts: with causal attention cut behind the token whose position gives the embedding,
 * else whole, and padded where the tower sees that. Zero-initialise. */
struct prompt_list {
	int32_t *ids;
	size_t id_count, id_capacity;
	struct prompt_place *places; /* (count) */
	size_t count, capacity;
};

/* Tokenises `text` and appends it. The model's tokenizer must be there (model_need_texts). */
clipcls_status prompt_list_add(struct prompt_list *list, const clipcls_model *model,
                               const char *text, clipcls_error *error);
void prompt_list_free(struct prompt_list *list);

/* Takes one prompt's embedding (E, unit length); `prompt` is its place in the list. */
typedef void (*prompt_fn)(void *user, size_t prompt, const float *embedding);

/* Encodes all prompts and gives each to `take`, in an order that depends on the prompts alone; an
 * embedding is the same, to the last bit, whatever else stands in the list. */
clipcls_status prompt_list_embed(const struct prompt_list *list, clipcls_model *model,
                                 prompt_fn take, void *user, clipcls_error *error);

#endif
