#include "text/bpe_merge.h"

#include "base/checked.h"
#include "base/memory.h"

#include <stdlib.h>

/* A pair that can be merged; stale when one of its halves has changed since. */
struct candidate {
	size_t rank;
	size_t left; /* symbol */
	size_t left_length, right_length;
};

void bpe_free(struct bpe *bpe)
{
	buffer_free(&bpe->word);
	free(bpe->symbols);
	free(bpe->heap);
	*bpe = (struct bpe){ 0 };
}

/* ---- the heap: lowest rank first, of equal ones the leftmost -------------------------------- */

static bool goes_before(const struct candidate *a, const struct candidate *b)
{
	return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

/* `heap` has room for n + 1. */
static void heap_push(struct candidate *heap, size_t n, struct candidate candidate)
{
	size_t i = n;
	for (; i > 0 && goes_before(&candidate, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = candidate;
}

static struct candidate heap_pop(struct candidate *heap, size_t n)
{
	struct candidate top = heap[0], last = heap[n - 1];
	size_t i = 0;
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= n - 1)
			break;
		if (child + 1 < n - 1 && goes_before(&heap[child + 1], &heap[child]))
			child++;
		if (!goes_before(&heap[child], &last))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = last;
	return top;
}

/* ---- merging -------------------------------------------------------------------------------- */

bool bpe_make_room(struct bpe *bpe, size_t n)
{
	size_t candidates;
	if (!size_mul(n, 3, &candidates))
		return false;
	struct symbol *symbols = memory_grow(bpe->symbols, &bpe->symbol_capacity, n, sizeof *symbols);
	if (symbols == NULL)
		return false;
	bpe->symbols = symbols;
	struct candidate *heap = memory_grow(bpe->heap, &bpe->heap_capacity, candidates, sizeof *heap);
	if (heap == NULL)
		return false;
	bpe->heap = heap;
	return true;
}

static size_t pair_rank(const struct bpe *bpe, const struct vocabulary *vocabulary,
                        const struct symbol *left)
{
	const struct symbol *right = &bpe->symbols[left->next];
	if (left->is_fixed || right->is_fixed)
		return RANK_NONE;
	return vocabulary_rank(vocabulary, bpe->word.bytes + left->start, left->length,
	                       left->length + right->length);
}

/* Puts the pair that starts with `left` on the heap, if it can be merged. */
static void offer(struct bpe *bpe, size_t *heap_size, const struct vocabulary *vocabulary,
                  size_t left)
{
	if (left == NO_SYMBOL || bpe->symbols[left].next == NO_SYMBOL)
		return;
	const struct symbol *a = &bpe->symbols[left], *b = &bpe->symbols[a->next];
	size_t rank = pair_rank(bpe, vocabulary, a);
	if (rank != RANK_NONE)
		heap_push(
		    bpe->heap, (*heap_size)++,
		    (struct candidate){
		        .rank = rank, .left = left, .left_length = a->length, .right_length = b->length });
}

void bpe_merge(struct bpe *bpe, const struct vocabulary *vocabulary, size_t n)
{
	size_t heap_size = 0;
	for (size_t i = 0; i < n; i++) {
		bpe->symbols[i].previous = i > 0 ? i - 1 : NO_SYMBOL;
		bpe->symbols[i].next = i + 1 < n ? i + 1 : NO_SYMBOL;
	}
	for (size_t i = 0; i + 1 < n; i++)
		offer(bpe, &heap_size, vocabulary, i);
	while (heap_size > 0) {
		struct candidate best = heap_pop(bpe->heap, heap_size--);
		struct symbol *left = &bpe->symbols[best.left];
		if (left->length != best.left_length || left->next == NO_SYMBOL ||
		    bpe->symbols[left->next].length != best.right_length)
			continue;
		struct symbol *right = &bpe->symbols[left->next];
		left->length += right->length;
		right->length = 0;
		left->next = right->next;
		if (left->next != NO_SYMBOL)
			bpe->symbols[left->next].previous = best.left;
		offer(bpe, &heap_size, vocabulary, left->previous);
		offer(bpe, &heap_size, vocabulary, best.left);
	}
}
