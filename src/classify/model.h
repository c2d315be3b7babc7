/* What stands behind clipcls_model: a checkpoint, the pool, and the towers once they are needed. */
#ifndef CLIPCLS_CLASSIFY_MODEL_H
#define CLIPCLS_CLASSIFY_MODEL_H

#include "classify/decode.h"
#include "classify/precision.h"
#include "model/checkpoint.h"
#include "nn/image_tower.h"
#include "nn/text_tower.h"
#include "text/tokenizer.h"

/* One worker's memory for the image tower. */
struct image_worker {
	float *pixels;      /* (batch, 3, S, S) */
	uint8_t *rgb;       /* as of decode_bytes, with the largest thumbnail */
	struct arena arena; /* for a forward pass of `batch` pictures */
};

struct clipcls_model {
	struct checkpoint *checkpoint;
	struct jail *jail; /* where pictures are decoded; NULL = here */
	char sandbox[128]; /* what that is, for people */
	bool confined;     /* it has a filter of system calls */
	struct pool *pool;
	size_t batch;
	char *cache_directory;    /* NULL = no cache */
	enum precision precision; /* of the image tower */
	size_t passes;            /* of the image tower so far */
	/* Each NULL until first used. */
	struct image_tower *image_tower;
	struct image_worker *image_workers; /* (pool_threads) */
	struct text_tower *text_tower;
	struct tokenizer *tokenizer;
};

/* Make sure that the tower, and what it works in, is there. */
clipcls_status model_need_images(clipcls_model *model, clipcls_error *error);
clipcls_status model_need_texts(clipcls_model *model, clipcls_error *error);

/* Before n more pictures are encoded: after some passes the weights are put where kernels read
 * them fastest, which changes no result. */
void model_expect_images(clipcls_model *model, size_t n);

/* Pictures of one task, so that n of them keep all threads busy to the end: the fewest rounds of at
 * most `batch`, all of the same size. */
size_t model_batch_for(const clipcls_model *model, size_t n);

/* How similarities become logits: scale * similarity + bias; scores are sigmoids of them where the
 * model has a bias, else their softmax. */
struct logits {
	double scale, bias;
	bool sigmoid;
};
clipcls_status model_logits(struct logits *out, clipcls_model *model, clipcls_error *error);

#endif
