/* CLIP's text transformer, and SigLIP's. Radford et al. 2021, section 2.4. */
#include "base/memory.h"
#include "nn/ops.h"
#include "nn/tower_kinds.h"
#include "nn/transformer.h"

#include <stdlib.h>
#include <string.h>

/* V vocabulary, C context length, D width, E embedding. */
struct text_clip {
	struct text_config config;
	size_t projection_dim;
	struct weight_rows token_embedding; /* (V, D), read row by row as stored */
	const float *position_embedding;    /* (C, D) */
	struct transformer transformer;
	struct norm final_norm;
	struct linear projection; /* (E, D) */
};

static void text_free(void *text)
{
	struct text_clip *tower = text;
	if (tower == NULL)
		return;
	transformer_free(&tower->transformer);
	free(tower);
}

static clipcls_status text_load(void **out, struct checkpoint *checkpoint, struct pool *pool,
                                clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct weight_list list = { 0 };
	struct text_clip *tower = memory_new(1, sizeof *tower);
	if (tower == NULL)
		return error_memory(error);
	tower->config = config->text;
	tower->projection_dim = config->projection_dim;
	weight_want(&list, &tower->position_embedding,
	            "text_model.embeddings.position_embedding.weight");
	weight_want_norm(&list, &tower->final_norm, "text_model.final_layer_norm");
	if (config->text.projection)
		weight_want_linear(&list, &tower->projection, "text_projection", config->projection_dim,
		                   config->text.transformer.width, config->text.projection_bias);
	transformer_want(&tower->transformer, &clip_blocks, &config->text.transformer,
	                 "text_model.encoder.layers", &list);
	clipcls_status status = weight_fetch(&list, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_rows(checkpoint, &tower->token_embedding,
		                         "text_model.embeddings.token_embedding.weight", error);
	if (status != CLIPCLS_OK)
		text_free(tower);
	else
		*out = tower;
	return status;
}

static void text_settle(void *text, struct pool *pool)
{
	transformer_settle(&((struct text_clip *)text)->transformer, pool);
}

/* A trie, or sequences: prompt_rows.h. */
static struct attention_rows rows_of(const struct text_clip *tower,
                                     const struct prompt_rows *prompts)
{
	return (struct attention_rows){ .count = prompts->count,
		                            .tokens = prompts->tokens,
		                            .parents = prompts->parents,
		                            .max_depth = tower->config.context_length };
}

static size_t text_scratch(const void *text, size_t rows, size_t threads)
{
	const struct text_clip *tower = text;
	bool causal = tower->config.attention == TEXT_ATTENTION_CAUSAL;
	/* The longest sequences take most. */
	const struct prompt_rows most = { .count = rows,
		                              .tokens = causal ? 0 : tower->config.context_length };
	struct attention_rows attention_rows = rows_of(tower, &most);
	return arena_size_of(rows * tower->config.transformer.width) +
	       transformer_scratch(&tower->transformer, &attention_rows, threads);
}

static void text_forward(float *out, const struct prompt_rows *prompts, const void *text,
                         struct arena *arena, struct pool *pool)
{
	const struct text_clip *tower = text;
	const struct transformer_config *config = &tower->config.transformer;
	size_t D = config->width, mark = arena->used, n = prompts->end_count;
	struct attention_rows rows = rows_of(tower, prompts);
	float *x = arena_floats(arena, rows.count * D);
	for (size_t i = 0; i < rows.count; i++) {
		weight_rows_get(x + i * D, &tower->token_embedding, (size_t)prompts->ids[i]);
		add(x + i * D, tower->position_embedding + prompts->depths[i] * D, D);
	}
	/* The reference norms every row; the layer norm is row-wise, so the ends are enough. */
	transformer_forward(x, &tower->transformer, &rows, prompts->ends, n, arena, pool);
	layernorm(x, x, tower->final_norm.weight, tower->final_norm.bias, n, D, config->layer_norm_eps);
	if (tower->config.projection)
		linear_apply(out, x, (struct row_tiles){ n, 1 }, &tower->projection, LINEAR_SET, pool);
	else
		memcpy(out, x, n * D * sizeof *out);
	arena->used = mark;
}

const struct text_tower_ops text_ops = { .load = text_load,
	                                     .free = text_free,
	                                     .settle = text_settle,
	                                     .forward = text_forward,
	                                     .scratch = text_scratch };
