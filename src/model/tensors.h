/* The tensors of a model: what its config calls for, and how each layout names and keeps them. */
#ifndef CLIPCLS_MODEL_TENSORS_H
#define CLIPCLS_MODEL_TENSORS_H

#include "base/error.h"
#include "model/config.h"

#define TENSOR_NAME_SIZE 112 /* as in struct weight_request */
#define TENSOR_RANK_LIMIT 4
#define TENSOR_BLOCK 64
#define TENSOR_BLOCKED_SUFFIX ".blocked"
#define TENSOR_SCALE_SUFFIX "_scale" /* of a TENSOR_QUANTIZED's source: its scales */

/* Whose names and shapes a file has. */
enum tensor_dialect {
	DIALECT_CANONICAL,     /* transformers' CLIPModel, and what other families have besides */
	DIALECT_SIGLIP,        /* transformers' SiglipModel */
	DIALECT_OPENCLIP,      /* open_clip's CLIP */
	DIALECT_OPENCLIP_TEXT, /* open_clip's CustomTextCLIP: its text tower's names begin with text. */
	DIALECT_TIMM,          /* open_clip's TimmModel around a tower of timm's */
	DIALECT_TIMM_HEAD,     /* the same, the projection being the trunk's classifier */
	DIALECT_TIMM_EVA,      /* that of timm's Eva, whose q and v have biases of their own */
	DIALECT_TIMM_EVA02,    /* that with q, k and v apart, and SwiGLU */
	TENSOR_DIALECTS
};

/* How the linear weights are kept, in the canonical dialect. */
enum tensor_form {
	TENSOR_FORM_ROWS,
	TENSOR_FORM_BLOCKED,  /* as NAME.blocked */
	TENSOR_FORM_QUANTIZED /* as NAME and NAME_scale */
};

struct tensor_naming {
	enum tensor_form form;
	enum tensor_dialect vision, text;
};

#define TENSOR_NAMING_CANONICAL ((struct tensor_naming){ 0 })

/* How a tensor lies in the file. */
enum tensor_operation {
	TENSOR_COPY,      /* as it is wanted */
	TENSOR_TRANSPOSE, /* (in, out) where (out, in) is wanted */
	TENSOR_PART,      /* one of several equal parts along the first dimension */
	TENSOR_BLOCKED,   /* (N, K) as (ceil N/64, ceil K/64, 64 of k, 64 of n), filled up with zeros */
	TENSOR_QUANTIZED  /* (N, K) in I8, with scales (N): quantized.h */
};

struct tensor_spec {
	char name[TENSOR_NAME_SIZE];                                  /* canonical */
	char source[TENSOR_NAME_SIZE + sizeof TENSOR_BLOCKED_SUFFIX]; /* in the file */
	enum tensor_operation operation;
	size_t part, parts;                    /* of TENSOR_PART: 0 = q, 1 = k, 2 = v of 3 */
	size_t ones;                           /* leading dimensions of 1 in the file */
	size_t rank, shape[TENSOR_RANK_LIMIT]; /* canonical */
	bool linear; /* a linear layer's weight, which may be stored in blocks or quantized */
};

/* All tensors that a model of this config has, in the order of a converted file, or the first
 * `most` of them; *out is the caller's, freed with free(). CLIPCLS_ERR_FORMAT for one that is too
 * large. */
clipcls_status tensors_list(struct tensor_spec **out, size_t *count,
                            const struct model_config *config, struct tensor_naming naming,
                            size_t most, clipcls_error *error);

/* The shape that the spec's source has in the file. */
void tensor_source_shape(size_t shape[TENSOR_RANK_LIMIT], size_t *rank,
                         const struct tensor_spec *spec);
/* Place of element (row, column) of a weight with `columns` columns in its blocks. */
static inline size_t tensor_block_place(size_t row, size_t column, size_t columns)
{
	size_t depth = (columns + TENSOR_BLOCK - 1) / TENSOR_BLOCK;
	size_t block = row / TENSOR_BLOCK * depth + column / TENSOR_BLOCK;
	return (block * TENSOR_BLOCK + column % TENSOR_BLOCK) * TENSOR_BLOCK + row % TENSOR_BLOCK;
}

/* Elements of the shape; what tensors_list gave does not overflow. */
size_t tensor_elements(const struct tensor_spec *spec);

/* Names that checkpoints carry beside the weights and that mean nothing here. */
bool tensor_is_ignored(const char *name);

#endif
