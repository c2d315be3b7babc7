/* What the rest of classify/ reads of a classifier. */
#ifndef CLIPCLS_CLASSIFY_CLASSIFIER_H
#define CLIPCLS_CLASSIFY_CLASSIFIER_H

#include "clipcls.h"

clipcls_model *classifier_model(const clipcls_classifier *classifier);
size_t classifier_label_count(const clipcls_classifier *classifier);

/* What a picture's embedding says for a label: log p - log(1 - p), p being its score. With
 * sigmoids, and where there is no other label, its logit. */
double classifier_log_odds(const clipcls_classifier *classifier, const float *embedding,
                           size_t label);

#endif
