/* What the rest of classify/ reads of a classifier. */
#ifndef CLIPCLS_CLASSIFY_CLASSIFIER_H
#define CLIPCLS_CLASSIFY_CLASSIFIER_H

#include "clipcls.h"

clipcls_model *classifier_model(const clipcls_classifier *classifier);
size_t classifier_label_count(const clipcls_classifier *classifier);

#endif
