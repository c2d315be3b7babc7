/* Label embeddings kept on disk: with the same model, labels and templates a second run computes
 * nothing, and neither the text tower nor the vocabulary is opened. */
#ifndef CLIPCLS_CLASSIFY_LABEL_CACHE_H
#define CLIPCLS_CLASSIFY_LABEL_CACHE_H

#include "base/buffer.h"
#include "classify/model.h"

/* Zero-initialise. */
struct label_cache {
	const clipcls_model *model;
	struct buffer key; /* empty = there is no cache */
	size_t floats;     /* (L, E) */
};

/* Finds out what the embeddings of these labels depend on; nothing is read from the disk. Without a
 * directory in the model's options the cache stays off. CLIPCLS_ERR_MEMORY. */
clipcls_status label_cache_open(struct label_cache *cache, const clipcls_model *model,
                                const clipcls_labels *labels, const clipcls_templates *templates,
                                clipcls_error *error);
bool label_cache_is_on(const struct label_cache *cache);
/* embeddings: (L, E). False when they are not there, whatever the reason. */
bool label_cache_load(float *embeddings, const struct label_cache *cache);
/* CLIPCLS_ERR_IO, _LIMIT, _MEMORY; messages name the path. */
clipcls_status label_cache_store(const struct label_cache *cache, const float *embeddings,
                                 clipcls_error *error);
void label_cache_close(struct label_cache *cache);

#endif
