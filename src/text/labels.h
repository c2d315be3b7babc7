/* What the classifier reads of labels and templates; the rest is in clipcls.h. */
#ifndef CLIPCLS_TEXT_LABELS_H
#define CLIPCLS_TEXT_LABELS_H

#include "clipcls.h"

/* One of a label's own prompts, of clipcls_labels_prompt_count. */
const char *labels_prompt(const clipcls_labels *labels, size_t index, size_t prompt);

/* Template `index` with its {} (all of them) replaced by `label`; allocated, NULL when memory is
 * out. Only "{}" is replaced; other braces are text. */
char *templates_apply(const clipcls_templates *templates, size_t index, const char *label);

#endif
