/* Prompts merged by common prefixes. */
#include "text/prompt_rows.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>

static size_t common_prefix(const struct prompt *a, const struct prompt *b)
{
	size_t n = 0;
	while (n < a->count && n < b->count && a->ids[n] == b->ids[n])
		n++;
	return n;
}

/* Rows that the first prompts need, and how many prompts fit into max_rows. */
static size_t count_rows(size_t *used, size_t *longest, const struct prompt *prompts,
                         const size_t *order, size_t n, size_t max_rows)
{
	size_t rows = 0, i = 0;
	*longest = 0;
	for (; i < n; i++) {
		const struct prompt *prompt = &prompts[order[i]];
		size_t shared = i > 0 ? common_prefix(&prompts[order[i - 1]], prompt) : 0;
		if (i > 0 && rows + prompt->count - shared > max_rows)
			break;
		rows += prompt->count - shared;
		*longest = size_max(*longest, prompt->count);
	}
	*used = i;
	return rows;
}

/* Sorted order makes the path of the last prompt all that is needed to find a prefix's rows.
 * path: (longest) rows of the prompt added last. */
static void add_prompt(struct prompt_rows *trie, uint32_t *path, const struct prompt *prompt,
                       size_t shared)
{
	for (size_t i = shared; i < prompt->count; i++) {
		uint32_t row = (uint32_t)trie->count++;
		trie->ids[row] = prompt->ids[i];
		trie->parents[row] = i > 0 ? path[i - 1] : UINT32_MAX;
		trie->depths[row] = (uint32_t)i;
		path[i] = row;
	}
	uint32_t end = path[prompt->count - 1];
	if (trie->end_count == 0 || trie->ends[trie->end_count - 1] != end)
		trie->ends[trie->end_count++] = end;
}

clipcls_status prompt_trie_build(struct prompt_rows *trie, size_t *used, uint32_t *end_of,
                                 const struct prompt *prompts, const size_t *order, size_t n,
                                 size_t max_rows, clipcls_error *error)
{
	size_t longest;
	size_t rows = count_rows(used, &longest, prompts, order, n, max_rows);
	uint32_t *path = memory_new(longest, sizeof *path);
	*trie = (struct prompt_rows){
		.ids = memory_new(rows, sizeof *trie->ids),
		.parents = memory_new(rows, sizeof *trie->parents),
		.depths = memory_new(rows, sizeof *trie->depths),
		.ends = memory_new(*used, sizeof *trie->ends),
	};
	if (path == NULL || trie->ids == NULL || trie->parents == NULL || trie->depths == NULL ||
	    trie->ends == NULL) {
		prompt_rows_free(trie);
		free(path);
		return error_memory(error);
	}
	for (size_t i = 0; i < *used; i++) {
		const struct prompt *prompt = &prompts[order[i]];
		size_t shared = i > 0 ? common_prefix(&prompts[order[i - 1]], prompt) : 0;
		add_prompt(trie, path, prompt, shared);
		end_of[i] = (uint32_t)(trie->end_count - 1);
	}
	free(path);
	return CLIPCLS_OK;
}
