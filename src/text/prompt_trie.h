/* Prompts merged by common prefixes: with causal attention a token's activations depend on the
 * tokens before it alone, so that each distinct prefix is one row of the text tower ("a photo of a"
 * is computed once for a thousand labels). */
#ifndef CLIPCLS_TEXT_PROMPT_TRIE_H
#define CLIPCLS_TEXT_PROMPT_TRIE_H

#include "base/error.h"

#include <stdint.h>

/* One prompt's tokens up to the one whose position gives its embedding. */
struct prompt {
	const int32_t *ids; /* (count), borrowed */
	size_t count;       /* >= 1 */
};

struct prompt_trie {
	size_t count;      /* rows */
	int32_t *ids;      /* (count) token of each row */
	uint32_t *parents; /* (count) row before it, < its own; ATTENTION_ROOT for a first token */
	uint32_t *depths;  /* (count) position in the prompt */
	size_t end_count;  /* distinct prompts */
	uint32_t *ends;    /* (end_count), ascending: each distinct prompt's last row */
};

/* Sorts prompts so that those with common prefixes stand together; the order that
 * prompt_trie_build needs. order: (n), becomes the sorted places of `prompts`. */
clipcls_status prompt_sort(size_t *order, const struct prompt *prompts, size_t n,
                           clipcls_error *error);

/* Builds the trie of prompts[order[0]], prompts[order[1]], ... up to n, stopping before the prompt
 * that would make it longer than max_rows (the first is always taken). *used: prompts taken;
 * end_of: (n), for each taken prompt in this order its place in trie->ends. */
clipcls_status prompt_trie_build(struct prompt_trie *trie, size_t *used, uint32_t *end_of,
                                 const struct prompt *prompts, const size_t *order, size_t n,
                                 size_t max_rows, clipcls_error *error);
void prompt_trie_free(struct prompt_trie *trie);

#endif
