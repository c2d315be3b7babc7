/* What the rest of classify/ reads of a probe. */
#ifndef CLIPCLS_CLASSIFY_PROBE_H
#define CLIPCLS_CLASSIFY_PROBE_H

#include "clipcls.h"

/* L classes, E embedding. */
struct clipcls_probe {
	clipcls_labels *labels; /* L */
	size_t E;
	double C;
	float *weight;    /* (L, E) */
	float *bias;      /* (L) */
	float *signature; /* of the model whose embeddings it is for */
	size_t signature_size;
};

/* An empty probe for L classes; NULL when memory is out. */
clipcls_probe *probe_new(size_t L, size_t E);

#endif
