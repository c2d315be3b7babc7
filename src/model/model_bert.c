/* BERT as a text tower, as transformers' AlignTextModel. */
#include "model/tower_models.h"

#include <stdio.h>

static const struct config_field fields[] = {
	TRANSFORMER_FIELDS(struct text_config, transformer),
	TEXT_FIELDS,
	{ .key = "type_vocab_size",
	  .kind = FIELD_SIZE,
	  .offset = offsetof(struct text_config, type_vocab_size) },
	{ .key = "attention",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct text_config, attention),
	  .words = text_attention_words },
	{ .key = "pooling",
	  .kind = FIELD_WORD,
	  .offset = offsetof(struct text_config, pooling),
	  .words = text_pooling_words },
	{ .key = "projection_bias",
	  .kind = FIELD_BOOL,
	  .offset = offsetof(struct text_config, projection_bias) },
};

enum feature { PROJECTION_BIAS = 1 << 0 };

/* D width, E projection_dim, N positions, T token types, V vocab_size. */
static const struct tensor_row rows[] = {
	{ .name = "text_model.embeddings.word_embeddings.weight", .shape = "VD" },
	{ .name = "text_model.embeddings.position_embeddings.weight", .shape = "ND" },
	{ .name = "text_model.embeddings.token_type_embeddings.weight", .shape = "TD" },
	{ .name = "text_model.embeddings.LayerNorm.weight", .shape = "D" },
	{ .name = "text_model.embeddings.LayerNorm.bias", .shape = "D" },
	{ .name = "text_projection.weight", .shape = "ED" },
	{ .name = "text_projection.bias", .shape = "E", .needs = PROJECTION_BIAS },
};

/* D width, M mlp_width. */
static const struct tensor_row block_rows[] = {
	{ .name = "attention.self.query.weight", .shape = "DD", .linear = true },
	{ .name = "attention.self.query.bias", .shape = "D" },
	{ .name = "attention.self.key.weight", .shape = "DD", .linear = true },
	{ .name = "attention.self.key.bias", .shape = "D" },
	{ .name = "attention.self.value.weight", .shape = "DD", .linear = true },
	{ .name = "attention.self.value.bias", .shape = "D" },
	{ .name = "attention.output.dense.weight", .shape = "DD", .linear = true },
	{ .name = "attention.output.dense.bias", .shape = "D" },
	{ .name = "attention.output.LayerNorm.weight", .shape = "D" },
	{ .name = "attention.output.LayerNorm.bias", .shape = "D" },
	{ .name = "intermediate.dense.weight", .shape = "MD", .linear = true },
	{ .name = "intermediate.dense.bias", .shape = "M" },
	{ .name = "output.dense.weight", .shape = "DM", .linear = true },
	{ .name = "output.dense.bias", .shape = "D" },
	{ .name = "output.LayerNorm.weight", .shape = "D" },
	{ .name = "output.LayerNorm.bias", .shape = "D" },
};

static void list_tensors(struct tensor_list *list, const struct model_config *config)
{
	const struct text_config *text = &config->text;
	char prefix[64];
	const size_t sizes[26] = {
		['D' - 'A'] = text->transformer.width,     ['E' - 'A'] = config->projection_dim,
		['M' - 'A'] = text->transformer.mlp_width, ['N' - 'A'] = text->context_length,
		['T' - 'A'] = text->type_vocab_size,       ['V' - 'A'] = text->vocab_size
	};
	struct tensor_part part = { .prefix = "",
		                        .source_prefix = "",
		                        .features = text->projection_bias ? PROJECTION_BIAS : 0u,
		                        .sizes = sizes };
	TENSOR_LIST_ROWS(list, &part, rows);
	part.prefix = part.source_prefix = prefix;
	for (size_t layer = 0; layer < text->transformer.layers && !tensor_list_full(list); layer++) {
		snprintf(prefix, sizeof prefix, "text_model.encoder.layer.%zu.", layer);
		TENSOR_LIST_ROWS(list, &part, block_rows);
	}
}

static clipcls_status check(const void *part, const char *path, clipcls_error *error)
{
	const struct text_config *config = part;
	clipcls_status status = text_config_check(config, path, error);
	if (status == CLIPCLS_OK &&
	    (config->attention != TEXT_ATTENTION_PROMPT || config->pooling != POOLING_FIRST))
		status =
		    error_set(error, CLIPCLS_ERR_UNSUPPORTED,
		              "%s: text tower: attention \"%s\" with pooling \"%s\" is not supported", path,
		              text_attention_words[config->attention], text_pooling_words[config->pooling]);
	return status;
}

const struct tower_model bert_model = {
	{ fields, sizeof fields / sizeof *fields }, check, list_tensors, text_describe
};
