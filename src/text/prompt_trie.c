#include "text/prompt_trie.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct sort_entry {
	const struct prompt *prompt;
	size_t place;
};

static int compare(const void *a, const void *b)
{
	const struct sort_entry *x = a, *y = b;
	size_t n = size_min(x->prompt->count, y->prompt->count);
	for (size_t i = 0; i < n; i++)
		if (x->prompt->ids[i] != y->prompt->ids[i])
			return x->prompt->ids[i] < y->prompt->ids[i] ? -1 : 1;
	if (x->prompt->count != y->prompt->count)
		return x->prompt->count < y->prompt->count ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

clipcls_status prompt_sort(size_t *order, const struct prompt *prompts, size_t n,
                           clipcls_error *error)
{
	struct sort_entry *entries = memory_new(n, sizeof *entries);
	if (entries == NULL)
		return error_memory(error);
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct sort_entry){ .prompt = &prompts[i], .place = i };
	qsort(entries, n, sizeof *entries, compare);
	for (size_t i = 0; i < n; i++)
		order[i] = entries[i].place;
	free(entries);
	return CLIPCLS_OK;
}

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
static void add_prompt(struct prompt_trie *trie, uint32_t *path, const struct prompt *prompt,
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

clipcls_status prompt_trie_build(struct prompt_trie *trie, size_t *used, uint32_t *end_of,
                                 const struct prompt *prompts, const size_t *order, size_t n,
                                 size_t max_rows, clipcls_error *error)
{
	size_t longest;
	size_t rows = count_rows(used, &longest, prompts, order, n, max_rows);
	uint32_t *path = memory_new(longest, sizeof *path);
	*trie = (struct prompt_trie){
		.ids = memory_new(rows, sizeof *trie->ids),
		.parents = memory_new(rows, sizeof *trie->parents),
		.depths = memory_new(rows, sizeof *trie->depths),
		.ends = memory_new(*used, sizeof *trie->ends),
	};
	if (path == NULL || trie->ids == NULL || trie->parents == NULL || trie->depths == NULL ||
	    trie->ends == NULL) {
		prompt_trie_free(trie);
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

void prompt_trie_free(struct prompt_trie *trie)
{
	free(trie->ids);
	free(trie->parents);
	free(trie->depths);
	free(trie->ends);
	*trie = (struct prompt_trie){ 0 };
}
