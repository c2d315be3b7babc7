#include "nn/text_tower.h"

#include "base/memory.h"
#include "nn/ops.h"

#include <stdlib.h>

/* V vocabulary, C context length, D width, E embedding. */
struct text_tower {
	struct text_config config;
	size_t projection_dim;
	struct weight_rows token_embedding; /* (V, D), read row by row as stored */
	const float *position_embedding;    /* (C, D) */
	struct transformer transformer;
	struct norm final_norm;
	struct linear projection; /* (E, D) */
};

clipcls_status text_tower_load(struct text_tower **out, struct checkpoint *checkpoint,
                               struct pool *pool, clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct weight_list list = { 0 };
	*out = NULL;
	struct text_tower *tower = memory_new(1, sizeof *tower);
	if (tower == NULL)
		return error_memory(error);
	tower->config = config->text;
	tower->projection_dim = config->projection_dim;
	weight_want(&list, &tower->position_embedding,
	            "text_model.embeddings.position_embedding.weight");
	weight_want_norm(&list, &tower->final_norm, "text_model.final_layer_norm");
	weight_want_linear(&list, &tower->projection, "text_projection", config->projection_dim,
	                   config->text.transformer.width, false);
	clipcls_status status = transformer_want(&tower->transformer, &config->text.transformer,
	                                         "text_model.encoder", &list, error);
	clipcls_status fetched =
	    weight_fetch(&list, checkpoint, pool, status == CLIPCLS_OK ? error : NULL);
	status = status == CLIPCLS_OK ? fetched : status;
	if (status == CLIPCLS_OK)
		status = checkpoint_rows(checkpoint, &tower->token_embedding,
		                         "text_model.embeddings.token_embedding.weight", error);
	if (status != CLIPCLS_OK)
		text_tower_free(tower);
	else
		*out = tower;
	return status;
}

void text_tower_free(struct text_tower *tower)
{
	if (tower == NULL)
		return;
	transformer_free(&tower->transformer);
	free(tower);
}

void text_tower_settle(struct text_tower *tower, struct pool *pool)
{
	transformer_settle(&tower->transformer, pool);
}

static struct attention_rows rows_of(const struct text_tower *tower, const uint32_t *parents,
                                     size_t count)
{
	return (struct attention_rows){ .count = count,
		                            .parents = parents,
		                            .max_depth = tower->config.context_length };
}

size_t text_tower_scratch(const struct text_tower *tower, size_t rows, size_t threads)
{
	struct attention_rows attention_rows = rows_of(tower, NULL, rows);
	return arena_size_of(rows * tower->config.transformer.width) +
	       transformer_scratch(&tower->transformer, &attention_rows, threads);
}

void text_tower_forward(float *out, const struct prompt_trie *trie, const struct text_tower *tower,
                        struct arena *arena, struct pool *pool)
{
	const struct transformer_config *config = &tower->config.transformer;
	size_t D = config->width, E = tower->projection_dim, mark = arena->used, n = trie->end_count;
	struct attention_rows rows = rows_of(tower, trie->parents, trie->count);
	float *x = arena_floats(arena, rows.count * D);
	for (size_t i = 0; i < rows.count; i++) {
		weight_rows_get(x + i * D, &tower->token_embedding, (size_t)trie->ids[i]);
		add(x + i * D, tower->position_embedding + trie->depths[i] * D, D);
	}
	/* The reference norms every row; the layer norm is row-wise, so the ends are enough. */
	transformer_forward(x, &tower->transformer, &rows, trie->ends, n, arena, pool);
	layernorm(x, x, tower->final_norm.weight, tower->final_norm.bias, n, D, config->layer_norm_eps);
	linear_apply(out, x, (struct row_tiles){ n, 1 }, &tower->projection, LINEAR_SET, pool);
	for (size_t i = 0; i < n; i++)
		normalize(out + i * E, E);
	arena->used = mark;
}
