/* What a picture's first label means for --expect, --min-score and --match. */
#ifndef CLIPCLS_CLI_OUTPUT_VERDICT_H
#define CLIPCLS_CLI_OUTPUT_VERDICT_H

#include "cli/cli.h"

/* The place of a label; false when it is not among them. */
bool verdict_find(size_t *out, const clipcls_labels *labels, const char *text);

/* CLIPCLS_ERR_ARGUMENT when --expect, --match or --explain-label names no label that there is. */
clipcls_status verdict_check(const struct options *options, const clipcls_labels *labels,
                             clipcls_error *error);

/* Whether something is expected of every picture: --expect, or --min-score without --match. */
bool verdict_expects(const struct options *options);
/* Whether a classified picture is as expected. */
bool verdict_met(const struct options *options, const clipcls_labels *labels,
                 const clipcls_record *record);
/* Appends "expected cat, is dog (93.1%)" of a picture that is not. */
struct buffer;
void verdict_explain(struct buffer *out, const struct options *options,
                     const clipcls_labels *labels, const clipcls_record *record);

/* Whether a record is to be printed: without --match every one is; with it those of pictures whose
 * first label is one of these, scored at least --min-score, and failed ones. */
bool verdict_shown(const struct options *options, const clipcls_labels *labels,
                   const clipcls_record *record);

#endif
