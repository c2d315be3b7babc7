/* Prompts as rows of a text tower.
 *
 * With causal attention a token's activations depend on the tokens before it alone: prompts are
 * merged by common prefixes into a trie, and each distinct prefix is one row ("a photo of a" is
 * computed once for a thousand labels). Without it, each distinct prompt is a sequence of rows. */
#ifndef CLIPCLS_TEXT_PROMPT_ROWS_H
#define CLIPCLS_TEXT_PROMPT_ROWS_H

#include "base/error.h"

#include <stdint.h>

/* One prompt's tokens. */
struct prompt {
	const int32_t *ids; /* (count), borrowed */
	size_t count;       /* >= 1; of a trie's up to the token whose position gives the embedding */
	size_t pooled;      /* position that gives the embedding; of a trie's the last */
};

struct prompt_rows {
	size_t count;  /* rows */
	size_t tokens; /* of each sequence; 0 = a trie */
	int32_t *ids;  /* (count) token of each row */
	uint32_t
	    *parents;     /* (count) row before it, < its own; UINT32_MAX for a first token; a trie's */
	uint32_t *depths; /* (count) position in the prompt */
	size_t end_count; /* distinct prompts */
	uint32_t
	    *ends; /* (end_count), ascending: the row that gives each distinct prompt's embedding */
};

/* Sorts prompts so that those with common prefixes stand together; by length: shorter ones before
 * longer ones, then the same. order: (n), becomes the sorted places of `prompts`. */
clipcls_status prompt_sort(size_t *order, const struct prompt *prompts, size_t n,
                           clipcls_error *error);
clipcls_status prompt_sort_by_length(size_t *order, const struct prompt *prompts, size_t n,
                                     clipcls_error *error);

/* Builds the rows of prompts[order[0]], prompts[order[1]], ... up to n, stopping before the prompt
 * that would make more than max_rows (the first is always taken). *used: prompts taken; end_of:
 * (n), for each taken prompt in this order its place in rows->ends. */
typedef clipcls_status (*prompt_rows_fn)(struct prompt_rows *rows, size_t *used, uint32_t *end_of,
                                         const struct prompt *prompts, const size_t *order,
                                         size_t n, size_t max_rows, clipcls_error *error);
/* As a trie, in the order of prompt_sort. */
clipcls_status prompt_trie_build(struct prompt_rows *rows, size_t *used, uint32_t *end_of,
                                 const struct prompt *prompts, const size_t *order, size_t n,
                                 size_t max_rows, clipcls_error *error);
/* As sequences, in the order of prompt_sort_by_length; it stops before a prompt of another length,
 * too. */
clipcls_status prompt_sequences_build(struct prompt_rows *rows, size_t *used, uint32_t *end_of,
                                      const struct prompt *prompts, const size_t *order, size_t n,
                                      size_t max_rows, clipcls_error *error);
void prompt_rows_free(struct prompt_rows *rows);

#endif
