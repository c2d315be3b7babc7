/* What the classifier reads of labels and templates; the rest is in clipcls.h. */
#ifndef CLIPCLS_TEXT_LABELS_H
#define CLIPCLS_TEXT_LABELS_H

#include "clipcls.h"

/* A label's own prompts; 0 = the templates apply. */
size_t labels_prompt_count(const clipcls_labels *labels, size_t index);
const char *labels_prompt(const clipcls_labels *labels, size_t index, size_t prompt);

const char *templates_text(const clipcls_templates *templates, size_t index);

/* Template `index` with its {} (all of them) replaced by `label`; allocated, NULL when memory is
 * out. Only "{}" is replaced; other braces are text. */
char *templates_apply(const clipcls_templates *templates, size_t index, const char *label);

#endif
