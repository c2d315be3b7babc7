/* BERT as a text tower. Devlin et al. 2019; transformers' AlignTextModel. */
#include "base/memory.h"
#include "nn/ops.h"
#include "nn/tower_kinds.h"
#include "nn/transformer.h"

#include <stdlib.h>

/* V vocabulary, C context length, T token types, D width, E embedding. */
struct bert {
	struct text_config config;
	struct weight_rows word_embeddings; /* (V, D), read row by row as stored */
	const float *position_embeddings;   /* (C, D) */
	const float *token_type_embeddings; /* (T, D) */
	struct norm norm;
	struct transformer transformer;
	struct linear projection; /* (E, D) */
};

static void bert_free(void *text)
{
	struct bert *bert = text;
	if (bert == NULL)
		return;
	transformer_free(&bert->transformer);
	free(bert);
}

static clipcls_status bert_load(void **out, struct checkpoint *checkpoint, struct pool *pool,
                                clipcls_error *error)
{
	const struct model_config *config = checkpoint_config(checkpoint);
	struct weight_list list = { 0 };
	struct bert *bert = memory_new(1, sizeof *bert);
	if (bert == NULL)
		return error_memory(error);
	bert->config = config->text;
	weight_want(&list, &bert->position_embeddings,
	            "text_model.embeddings.position_embeddings.weight");
	weight_want(&list, &bert->token_type_embeddings,
	            "text_model.embeddings.token_type_embeddings.weight");
	weight_want_norm(&list, &bert->norm, "text_model.embeddings.LayerNorm");
	weight_want_linear(&list, &bert->projection, "text_projection", config->projection_dim,
	                   config->text.transformer.width, config->text.projection_bias);
	transformer_want(&bert->transformer, &bert_blocks, &config->text.transformer,
	                 "text_model.encoder.layer", &list);
	clipcls_status status = weight_fetch(&list, checkpoint, pool, error);
	if (status == CLIPCLS_OK)
		status = checkpoint_rows(checkpoint, &bert->word_embeddings,
		                         "text_model.embeddings.word_embeddings.weight", error);
	if (status != CLIPCLS_OK)
		bert_free(bert);
	else
		*out = bert;
	return status;
}

static void bert_settle(void *text, struct pool *pool)
{
	transformer_settle(&((struct bert *)text)->transformer, pool);
}

static size_t bert_scratch(const void *text, size_t rows, size_t threads)
{
	const struct bert *bert = text;
	/* Of the longest prompts, which take most. */
	const struct attention_rows longest = { .count = rows, .tokens = bert->config.context_length };
	return arena_size_of(rows * bert->config.transformer.width) +
	       transformer_scratch(&bert->transformer, &longest, threads);
}

/* x: (prompts->count, D) = word, token type and position, layer-normed. */
static void embed(float *x, const struct prompt_rows *prompts, const struct bert *bert)
{
	size_t D = bert->config.transformer.width;
	for (size_t i = 0; i < prompts->count; i++) {
		float *row = x + i * D;
		weight_rows_get(row, &bert->word_embeddings, (size_t)prompts->ids[i]);
		add(row, bert->token_type_embeddings, D);
		add(row, bert->position_embeddings + prompts->depths[i] * D, D);
	}
	layernorm(x, x, bert->norm.weight, bert->norm.bias, prompts->count, D,
	          bert->config.transformer.layer_norm_eps);
}

/* The reference fills prompts up to a common length and masks what it filled in: its scores are
 * lowered until their softmax is 0, and no other row sees it. Here it is left out. */
static void bert_forward(float *out, const struct prompt_rows *prompts, const void *text,
                         struct arena *arena, struct pool *pool)
{
	const struct bert *bert = text;
	size_t mark = arena->used, n = prompts->end_count;
	struct attention_rows rows = { .count = prompts->count, .tokens = prompts->tokens };
	float *x = arena_floats(arena, rows.count * bert->config.transformer.width);
	embed(x, prompts, bert);
	transformer_forward(x, &bert->transformer, &rows, prompts->ends, n, arena, pool);
	linear_apply(out, x, (struct row_tiles){ n, 1 }, &bert->projection, LINEAR_SET, pool);
	arena->used = mark;
}

const struct text_tower_ops bert_ops = { .load = bert_load,
	                                     .free = bert_free,
	                                     .settle = bert_settle,
	                                     .forward = bert_forward,
	                                     .scratch = bert_scratch };
