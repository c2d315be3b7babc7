/* Multinomial logistic regression with an L2 penalty: the function that training minimises.
 * N examples, E embedding, L classes. */
#ifndef CLIPCLS_CLASSIFY_LOGISTIC_H
#define CLIPCLS_CLASSIFY_LOGISTIC_H

#include "base/pool.h"

/* What to learn from; borrowed. */
struct logistic_examples {
	const float *rows;     /* (N, E) */
	const size_t *classes; /* (N), each below L */
	size_t N, E, L;
};

struct logistic;

/* Room to evaluate in. CLIPCLS_ERR_MEMORY. On error *out is NULL. */
clipcls_status logistic_new(struct logistic **out, const struct logistic_examples *examples,
                            double C, struct pool *pool, clipcls_error *error);
void logistic_free(struct logistic *logistic);

/* How many parameters there are: the weight (L, E), then the bias (L). */
size_t logistic_parameters(const struct logistic *logistic);

/* C * (sum over examples of -log softmax(weight x + bias)[class]) + 0.5 |weight|^2, and its
 * gradient: what LogisticRegression of scikit-learn minimises. There two classes have one row w of
 * weights between them, with 0.5 |w|^2; here they have two, -w/2 and w/2 at the minimum, and so
 * twice the penalty. A minimize_fn; the same bytes whatever the number of threads. */
double logistic_evaluate(void *logistic, double *gradient, const double *parameters, size_t n);

#endif
