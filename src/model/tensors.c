#include "model/tensors.h"

#include "base/checked.h"
#include "base/memory.h"
#include "model/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One row of the table. Shapes are spelt with the letters
 *     D width, M mlp_width, E projection_dim, N positions, V vocab_size, P patch_size, 3 itself. */
struct row {
	const char *name, *openclip;
	const char *shape;
	enum tensor_operation operation;
	size_t part;
};

/* Of each block, under encoder.layers.I. and transformer.resblocks.I. */
static const struct row block_rows[] = {
	{ "layer_norm1.weight", "ln_1.weight", "D", TENSOR_COPY, 0 },
	{ "layer_norm1.bias", "ln_1.bias", "D", TENSOR_COPY, 0 },
	{ "self_attn.q_proj.weight", "attn.in_proj_weight", "DD", TENSOR_PART, 0 },
	{ "self_attn.q_proj.bias", "attn.in_proj_bias", "D", TENSOR_PART, 0 },
	{ "self_attn.k_proj.weight", "attn.in_proj_weight", "DD", TENSOR_PART, 1 },
	{ "self_attn.k_proj.bias", "attn.in_proj_bias", "D", TENSOR_PART, 1 },
	{ "self_attn.v_proj.weight", "attn.in_proj_weight", "DD", TENSOR_PART, 2 },
	{ "self_attn.v_proj.bias", "attn.in_proj_bias", "D", TENSOR_PART, 2 },
	{ "self_attn.out_proj.weight", "attn.out_proj.weight", "DD", TENSOR_COPY, 0 },
	{ "self_attn.out_proj.bias", "attn.out_proj.bias", "D", TENSOR_COPY, 0 },
	{ "layer_norm2.weight", "ln_2.weight", "D", TENSOR_COPY, 0 },
	{ "layer_norm2.bias", "ln_2.bias", "D", TENSOR_COPY, 0 },
	{ "mlp.fc1.weight", "mlp.c_fc.weight", "MD", TENSOR_COPY, 0 },
	{ "mlp.fc1.bias", "mlp.c_fc.bias", "M", TENSOR_COPY, 0 },
	{ "mlp.fc2.weight", "mlp.c_proj.weight", "DM", TENSOR_COPY, 0 },
	{ "mlp.fc2.bias", "mlp.c_proj.bias", "D", TENSOR_COPY, 0 },
};

static const struct row text_rows[] = {
	{ "text_model.embeddings.token_embedding.weight", "token_embedding.weight", "VD", TENSOR_COPY,
	  0 },
	{ "text_model.embeddings.position_embedding.weight", "positional_embedding", "ND", TENSOR_COPY,
	  0 },
	{ "text_model.final_layer_norm.weight", "ln_final.weight", "D", TENSOR_COPY, 0 },
	{ "text_model.final_layer_norm.bias", "ln_final.bias", "D", TENSOR_COPY, 0 },
	{ "text_projection.weight", "text_projection", "ED", TENSOR_TRANSPOSE, 0 },
};

static const struct row vision_rows[] = {
	{ "vision_model.embeddings.class_embedding", "class_embedding", "D", TENSOR_COPY, 0 },
	{ "vision_model.embeddings.patch_embedding.weight", "conv1.weight", "D3PP", TENSOR_COPY, 0 },
	{ "vision_model.embeddings.position_embedding.weight", "positional_embedding", "ND",
	  TENSOR_COPY, 0 },
	{ "vision_model.pre_layrnorm.weight", "ln_pre.weight", "D", TENSOR_COPY, 0 },
	{ "vision_model.pre_layrnorm.bias", "ln_pre.bias", "D", TENSOR_COPY, 0 },
	{ "vision_model.post_layernorm.weight", "ln_post.weight", "D", TENSOR_COPY, 0 },
	{ "vision_model.post_layernorm.bias", "ln_post.bias", "D", TENSOR_COPY, 0 },
	{ "visual_projection.weight", "proj", "ED", TENSOR_TRANSPOSE, 0 },
};

#define ROWS(table) (sizeof(table) / sizeof *(table))

/* One tower while its rows are written out. */
struct tower {
	const char *canonical, *openclip; /* prefixes of the blocks, and of OpenCLIP's other names */
	const struct transformer_config *transformer;
	size_t projection_dim, positions, vocab_size, patch_size;
};

struct list {
	struct tensor_spec *specs;
	size_t count;
	enum tensor_naming naming;
};

static size_t dimension(const struct tower *tower, char letter)
{
	switch (letter) {
	case 'D': return tower->transformer->width;
	case 'M': return tower->transformer->mlp_width;
	case 'E': return tower->projection_dim;
	case 'N': return tower->positions;
	case 'V': return tower->vocab_size;
	case 'P': return tower->patch_size;
	default: return (size_t)(letter - '0');
	}
}

/* prefix and openclip_prefix stand before the row's names. */
static void add_row(struct list *list, const struct tower *tower, const char *prefix,
                    const char *openclip_prefix, const struct row *row)
{
	struct tensor_spec *spec = &list->specs[list->count++];
	snprintf(spec->name, sizeof spec->name, "%s%s", prefix, row->name);
	for (const char *letter = row->shape; *letter != '\0'; letter++)
		spec->shape[spec->rank++] = dimension(tower, *letter);
	if (list->naming == TENSOR_NAMING_BLOCKED && tensor_has_blocks(spec)) {
		snprintf(spec->source, sizeof spec->source, "%s" TENSOR_BLOCKED_SUFFIX, spec->name);
		spec->operation = TENSOR_BLOCKED;
	} else if (list->naming < TENSOR_NAMING_OPENCLIP) {
		memcpy(spec->source, spec->name, sizeof spec->name);
		if (list->naming == TENSOR_NAMING_QUANTIZED && tensor_has_blocks(spec))
			spec->operation = TENSOR_QUANTIZED;
	} else {
		snprintf(spec->source, sizeof spec->source, "%s%s", openclip_prefix, row->openclip);
		spec->operation = row->operation;
		spec->part = row->part;
	}
}

static void add_tower(struct list *list, const struct tower *tower, const struct row *rows,
                      size_t n)
{
	char prefix[64], openclip_prefix[64];
	for (size_t i = 0; i < n; i++)
		add_row(list, tower, "", tower->openclip, &rows[i]);
	for (size_t layer = 0; layer < tower->transformer->layers; layer++) {
		snprintf(prefix, sizeof prefix, "%sencoder.layers.%zu.", tower->canonical, layer);
		snprintf(openclip_prefix, sizeof openclip_prefix, "%stransformer.resblocks.%zu.",
		         tower->openclip, layer);
		for (size_t i = 0; i < ROWS(block_rows); i++)
			add_row(list, tower, prefix, openclip_prefix, &block_rows[i]);
	}
}

/* Sides are below 2^31 (config_check.c), so that rounding them up fits. */
static bool elements_fit(const struct tensor_spec *spec)
{
	size_t bytes = sizeof(float), shape[TENSOR_RANK_LIMIT], rank;
	tensor_source_shape(shape, &rank, spec);
	for (size_t i = 0; i < rank; i++)
		if (!size_mul(bytes, shape[i], &bytes))
			return false;
	return true;
}

clipcls_status tensors_list(struct tensor_spec **out, size_t *count,
                            const struct model_config *config, enum tensor_naming naming,
                            clipcls_error *error)
{
	const size_t others = 1 + ROWS(text_rows) + ROWS(vision_rows);
	size_t blocks, n, side = config->vision.image_size / config->vision.patch_size, positions;
	*out = NULL;
	*count = 0;
	if (!size_add(config->text.transformer.layers, config->vision.transformer.layers, &blocks) ||
	    !size_mul(blocks, ROWS(block_rows), &n) || !size_add(n, others, &n) ||
	    n > SAFETENSORS_TENSOR_LIMIT)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%zu and %zu layers are too many",
		                 config->text.transformer.layers, config->vision.transformer.layers);
	if (!size_mul(side, side, &positions) || !size_add(positions, 1, &positions))
		return error_set(error, CLIPCLS_ERR_FORMAT, "image_size is too large");
	const struct tower text = { "text_model.",
		                        naming == TENSOR_NAMING_OPENCLIP_CUSTOM_TEXT ? "text." : "",
		                        &config->text.transformer,
		                        config->projection_dim,
		                        config->text.context_length,
		                        config->text.vocab_size,
		                        0 };
	const struct tower vision = { "vision_model.",          "visual.", &config->vision.transformer,
		                          config->projection_dim,   positions, 0,
		                          config->vision.patch_size };
	const struct row logit_scale = { "logit_scale", "logit_scale", "", TENSOR_COPY, 0 };
	struct list list = { memory_new(n, sizeof *list.specs), 0, naming };
	if (list.specs == NULL)
		return error_memory(error);
	add_row(&list, &text, "", "", &logit_scale);
	add_tower(&list, &text, text_rows, ROWS(text_rows));
	add_tower(&list, &vision, vision_rows, ROWS(vision_rows));
	for (size_t i = 0; i < list.count; i++) {
		if (!elements_fit(&list.specs[i])) {
			clipcls_status status = error_set(
			    error, CLIPCLS_ERR_FORMAT, "tensor \"%s\" would be too large", list.specs[i].name);
			free(list.specs);
			return status;
		}
	}
	*out = list.specs;
	*count = list.count;
	return CLIPCLS_OK;
}

bool tensor_has_blocks(const struct tensor_spec *spec)
{
	return spec->rank == 2 && strstr(spec->name, ".encoder.layers.") != NULL;
}

void tensor_source_shape(size_t shape[TENSOR_RANK_LIMIT], size_t *rank,
                         const struct tensor_spec *spec)
{
	memcpy(shape, spec->shape, sizeof spec->shape);
	*rank = spec->rank;
	switch (spec->operation) {
	case TENSOR_COPY:
	case TENSOR_QUANTIZED: break;
	case TENSOR_TRANSPOSE:
		shape[0] = spec->shape[1];
		shape[1] = spec->shape[0];
		break;
	case TENSOR_PART:
		shape[0] = 3 * spec->shape[0]; /* below 3 * 2^31 */
		break;
	case TENSOR_BLOCKED:
		*rank = 4;
		shape[0] = (spec->shape[0] + TENSOR_BLOCK - 1) / TENSOR_BLOCK;
		shape[1] = (spec->shape[1] + TENSOR_BLOCK - 1) / TENSOR_BLOCK;
		shape[2] = shape[3] = TENSOR_BLOCK;
		break;
	}
}

size_t tensor_elements(const struct tensor_spec *spec)
{
	size_t n = 1;
	for (size_t i = 0; i < spec->rank; i++)
		n *= spec->shape[i];
	return n;
}

bool tensor_is_ignored(const char *name)
{
	static const char *const names[] = { "attn_mask", "input_resolution", "context_length",
		                                 "vocab_size" };
	static const char suffix[] = ".position_ids";
	size_t length = strlen(name), n = sizeof suffix - 1;
	if (length >= n && strcmp(name + length - n, suffix) == 0)
		return true;
	for (size_t i = 0; i < ROWS(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
