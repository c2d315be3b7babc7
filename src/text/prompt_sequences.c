/* The order of prompts, and prompts as sequences of their own. */
#include "text/prompt_rows.h"

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

static int compare_lengths(const void *a, const void *b)
{
	const struct sort_entry *x = a, *y = b;
	if (x->prompt->count != y->prompt->count)
		return x->prompt->count < y->prompt->count ? -1 : 1;
	return compare(a, b);
}

static clipcls_status sort(size_t *order, const struct prompt *prompts, size_t n,
                           int (*by)(const void *, const void *), clipcls_error *error)
{
	struct sort_entry *entries = memory_new(n, sizeof *entries);
	if (entries == NULL)
		return error_memory(error);
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct sort_entry){ .prompt = &prompts[i], .place = i };
	qsort(entries, n, sizeof *entries, by);
	for (size_t i = 0; i < n; i++)
		order[i] = entries[i].place;
	free(entries);
	return CLIPCLS_OK;
}

clipcls_status prompt_sort(size_t *order, const struct prompt *prompts, size_t n,
                           clipcls_error *error)
{
	return sort(order, prompts, n, compare, error);
}

clipcls_status prompt_sort_by_length(size_t *order, const struct prompt *prompts, size_t n,
                                     clipcls_error *error)
{
	return sort(order, prompts, n, compare_lengths, error);
}

/* Of the same length and pooled alike. */
static bool same_tokens(const struct prompt *a, const struct prompt *b)
{
	return memcmp(a->ids, b->ids, a->count * sizeof *a->ids) == 0 && a->pooled == b->pooled;
}

/* How many prompts are taken, and how many of them are distinct. */
static size_t count_distinct(size_t *used, const struct prompt *prompts, const size_t *order,
                             size_t n, size_t max_rows)
{
	size_t tokens = prompts[order[0]].count, distinct = 1, i = 1;
	for (; i < n && prompts[order[i]].count == tokens; i++) {
		if (same_tokens(&prompts[order[i]], &prompts[order[i - 1]]))
			continue;
		if ((distinct + 1) * tokens > max_rows)
			break;
		distinct++;
	}
	*used = i;
	return distinct;
}

static void add_sequence(struct prompt_rows *rows, const struct prompt *prompt)
{
	rows->ends[rows->end_count++] = (uint32_t)(rows->count + prompt->pooled);
	for (size_t i = 0; i < prompt->count; i++, rows->count++) {
		rows->ids[rows->count] = prompt->ids[i];
		rows->depths[rows->count] = (uint32_t)i;
	}
}

clipcls_status prompt_sequences_build(struct prompt_rows *rows, size_t *used, uint32_t *end_of,
                                      const struct prompt *prompts, const size_t *order, size_t n,
                                      size_t max_rows, clipcls_error *error)
{
	size_t tokens = prompts[order[0]].count;
	size_t distinct = count_distinct(used, prompts, order, n, max_rows);
	*rows = (struct prompt_rows){
		.tokens = tokens,
		.ids = memory_new(distinct * tokens, sizeof *rows->ids),
		.depths = memory_new(distinct * tokens, sizeof *rows->depths),
		.ends = memory_new(distinct, sizeof *rows->ends),
	};
	if (rows->ids == NULL || rows->depths == NULL || rows->ends == NULL) {
		prompt_rows_free(rows);
		return error_memory(error);
	}
	for (size_t i = 0; i < *used; i++) {
		const struct prompt *prompt = &prompts[order[i]];
		if (i == 0 || !same_tokens(prompt, &prompts[order[i - 1]]))
			add_sequence(rows, prompt);
		end_of[i] = (uint32_t)(rows->end_count - 1);
	}
	return CLIPCLS_OK;
}

void prompt_rows_free(struct prompt_rows *rows)
{
	free(rows->ids);
	free(rows->parents);
	free(rows->depths);
	free(rows->ends);
	*rows = (struct prompt_rows){ 0 };
}
