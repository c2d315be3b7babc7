/* A stack of transformer blocks, shared by the image and the text tower. */
#ifndef CLIPCLS_NN_TRANSFORMER_H
#define CLIPCLS_NN_TRANSFORMER_H

#include "base/arena.h"
#include "model/checkpoint.h"
#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/low.h"
#include "nn/rotary.h"

/* weight, bias: (D). */
struct norm {
	const float *weight, *bias;
};

/* D width, F mlp_width. */
struct block {
	struct norm ln_1, ln_2;
	struct linear q, k, v, out; /* (D, D) */
	struct linear fc1, fc2;     /* (F, D), (D, F) */
	/* Where the config has them: */
	struct linear gate;         /* (F, D) */
	struct norm attention_norm; /* (D) */
	struct norm mlp_norm;       /* (F) */
};

/* What the parts of a stack's blocks are called, and where their layer norms stand. */
struct block_kind {
	const char *q, *k, *v, *out, *fc1, *fc2, *ln_1, *ln_2;
	/* Behind attention and MLP, when these are added (Vaswani et al. 2017), else before them. */
	bool post_norm;
};
extern const struct block_kind clip_blocks; /* transformers' CLIPEncoderLayer */
extern const struct block_kind bert_blocks; /* BertLayer */

struct transformer {
	struct transformer_config config;
	bool post_norm;
	struct block *blocks;    /* (layers) */
	struct rotary rotary;    /* of queries and keys, where its owner has called rotary_init */
	float *settled;          /* what the linears' blocks lie in; NULL = none */
	struct low_weights *low; /* the linears in low precision; NULL = f32 */
	enum low_type low_type;
};

/* How linear weights are wanted. */
enum weight_form {
	WEIGHTS_FAST,  /* floats, in blocks where the file has them and kernels can use them */
	WEIGHTS_ROWS,  /* row-major floats, and int8 beside them where the file has that */
	WEIGHTS_STORED /* as the file has them: int8, blocks, or row-major floats */
};

/* Collects the tensors that a tower wants, then fetches all of them in one go. */
struct weight_list {
	struct weight_request *requests;
	size_t count, capacity;
	enum weight_form form;
	bool failed;
};
__attribute__((format(printf, 3, 4))) void weight_want(struct weight_list *list, const float **out,
                                                       const char *format, ...);
void weight_want_norm(struct weight_list *list, struct norm *norm, const char *name);
/* `name`.weight, .bias, .running_mean and .running_var. */
struct batch_norm;
void weight_want_batch_norm(struct weight_list *list, struct batch_norm *norm, const char *name);
/* `name`.weight and, when `biased`, `name`.bias; the weight as list->form says. */
void weight_want_linear(struct weight_list *list, struct linear *linear, const char *name, size_t n,
                        size_t k, bool biased);
/* Fetches everything wanted and frees the list. That memory was out while something was wanted is
 * told here. */
clipcls_status weight_fetch(struct weight_list *list, struct checkpoint *checkpoint,
                            struct pool *pool, clipcls_error *error);

/* Puts row-major weights where kernels read them fastest (linear->blocks), in parallel. Returns the
 * memory that they lie in, freed by the caller; NULL, and nothing changed, where such kernels are
 * not usable or memory is short: results are the same without. */
float *weights_settle(struct linear *const *linears, size_t count, struct pool *pool);

/* Wants all tensors of `prefix`.N; transformer_free frees what this allocated. */
void transformer_want(struct transformer *transformer, const struct block_kind *kind,
                      const struct transformer_config *config, const char *prefix,
                      struct weight_list *list);
void transformer_free(struct transformer *transformer);

/* weights_settle of the blocks' linear layers, unless they are in blocks already. Pays when many
 * rows are to come. */
void transformer_settle(struct transformer *transformer, struct pool *pool);

/* From here on the blocks' linear layers run in low precision, for sequences of `tokens`; the layer
 * norms, the softmax and attention stay in f32. Must be undone before another type is taken. */
clipcls_status transformer_lower(struct transformer *transformer, enum low_type type, size_t tokens,
                                 struct pool *pool, clipcls_error *error);
void transformer_raise(struct transformer *transformer);

/* x: (rows->count, D), in place.
 * keep: (kept), ascending, the rows whose result is wanted (equally many in every sequence): the
 * last block computes only these, and leaves them in x's first `kept` rows. */
void transformer_forward(float *x, const struct transformer *transformer,
                         const struct attention_rows *rows, const uint32_t *keep, size_t kept,
                         struct arena *arena, struct pool *pool);
/* Floats of arena that a forward pass takes, for a pool of `threads`. */
size_t transformer_scratch(const struct transformer *transformer, const struct attention_rows *rows,
                           size_t threads);

#endif
