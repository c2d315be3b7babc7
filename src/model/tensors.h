/* The tensors of the CLIP family: what a config calls for, and how OpenCLIP names and keeps them.
 */
#ifndef CLIPCLS_MODEL_TENSORS_H
#define CLIPCLS_MODEL_TENSORS_H

#include "base/error.h"
#include "model/config.h"

#define TENSOR_NAME_SIZE 112 /* as in struct weight_request */
#define TENSOR_RANK_LIMIT 4
#define TENSOR_BLOCK 64
#define TENSOR_BLOCKED_SUFFIX ".blocked"
#define TENSOR_SCALE_SUFFIX "_scale" /* of a TENSOR_QUANTIZED's source: its scales */

/* Those with canonical names come first. */
enum tensor_naming {
	TENSOR_NAMING_CANONICAL,           /* transformers' CLIPModel */
	TENSOR_NAMING_BLOCKED,             /* the same, the blocks' linear weights as NAME.blocked */
	TENSOR_NAMING_QUANTIZED,           /* the same, these as NAME and NAME_scale */
	TENSOR_NAMING_OPENCLIP,            /* open_clip's CLIP */
	TENSOR_NAMING_OPENCLIP_CUSTOM_TEXT /* open_clip's CustomTextCLIP: the text tower is `text.` */
};

/* How a tensor lies in the file. */
enum tensor_operation {
	TENSOR_COPY,      /* as it is wanted */
	TENSOR_TRANSPOSE, /* (in, out) where (out, in) is wanted */
	TENSOR_PART,      /* one of three equal parts along the first dimension */
	TENSOR_BLOCKED,   /* (N, K) as (ceil N/64, ceil K/64, 64 of k, 64 of n), filled up with zeros */
	TENSOR_QUANTIZED  /* (N, K) in I8, with scales (N): quantized.h */
};

struct tensor_spec {
	char name[TENSOR_NAME_SIZE];                                  /* canonical */
	char source[TENSOR_NAME_SIZE + sizeof TENSOR_BLOCKED_SUFFIX]; /* in the file */
	enum tensor_operation operation;
	size_t part;                           /* of TENSOR_PART: 0 = q, 1 = k, 2 = v */
	size_t rank, shape[TENSOR_RANK_LIMIT]; /* canonical */
};

/* All tensors that a model of this config has, in the order of a converted file; *out is the
 * caller's, freed with free(). CLIPCLS_ERR_FORMAT when there would be more than a file may hold. */
clipcls_status tensors_list(struct tensor_spec **out, size_t *count,
                            const struct model_config *config, enum tensor_naming naming,
                            clipcls_error *error);

/* Whether a tensor is a linear weight of a transformer block, which may be stored in blocks or
 * quantized. */
bool tensor_has_blocks(const struct tensor_spec *spec);
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
