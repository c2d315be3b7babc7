#include "text/bpe.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>

#define NO_SYMBOL SIZE_MAX

/* A part of the word; merging lengthens the left one and drops the right one from the list. */
struct symbol {
	size_t start, length; /* in bpe->word; length 0 = dropped */
	size_t previous, next;
};

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

/* Writes the word with one code point for each byte, and the mark of its end. */
static bool write_word(struct bpe *bpe, const char *text, size_t n)
{
	buffer_clear(&bpe->word);
	for (size_t i = 0; i < n; i++)
		buffer_code_point(&bpe->word, vocabulary_code_point((unsigned char)text[i]));
	buffer_text(&bpe->word, WORD_END);
	return !bpe->word.failed;
}

/* One symbol for each byte; the last one has the end mark, too. Room for the heap is made here:
 * n pairs at first, and two more for each of at most n merges. */
static bool split_word(struct bpe *bpe, size_t n)
{
	size_t candidates, at = 0;
	uint32_t c;
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
	for (size_t i = 0; i < n; i++) {
		size_t length = i + 1 < n ? utf8_decode(&c, bpe->word.bytes + at, bpe->word.size - at)
		                          : bpe->word.size - at;
		symbols[i] = (struct symbol){ .start = at,
			                          .length = length,
			                          .previous = i > 0 ? i - 1 : NO_SYMBOL,
			                          .next = i + 1 < n ? i + 1 : NO_SYMBOL };
		at += length;
	}
	return true;
}

/* Puts the pair that starts with `left` on the heap, if it can be merged. */
static void offer(struct bpe *bpe, size_t *heap_size, const struct vocabulary *vocabulary,
                  size_t left)
{
	if (left == NO_SYMBOL || bpe->symbols[left].next == NO_SYMBOL)
		return;
	const struct symbol *a = &bpe->symbols[left], *b = &bpe->symbols[a->next];
	size_t rank =
	    vocabulary_rank(vocabulary, bpe->word.bytes + a->start, a->length, a->length + b->length);
	if (rank != RANK_NONE)
		heap_push(
		    bpe->heap, (*heap_size)++,
		    (struct candidate){
		        .rank = rank, .left = left, .left_length = a->length, .right_length = b->length });
}

static void merge_word(struct bpe *bpe, const struct vocabulary *vocabulary, size_t n)
{
	size_t heap_size = 0;
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

/* A byte that is no token becomes the end token, as transformers' unk_token does. */
static int32_t symbol_id(const struct bpe *bpe, const struct vocabulary *vocabulary,
                         const struct symbol *symbol)
{
	size_t token;
	if (!vocabulary_find(vocabulary, bpe->word.bytes + symbol->start, symbol->length, &token))
		return vocabulary_end_id(vocabulary);
	return vocabulary_id(vocabulary, token);
}

clipcls_status bpe_encode(struct bpe *bpe, int32_t *ids, size_t *count, size_t capacity,
                          const struct vocabulary *vocabulary, const char *text, size_t n,
                          clipcls_error *error)
{
	size_t token = 0;
	enum token_whole whole = TOKEN_WHOLE_NO;
	if (*count >= capacity)
		return CLIPCLS_OK;
	if (!write_word(bpe, text, n))
		return error_memory(error);
	/* Most words are one token: no need to merge them anew each time. */
	if (vocabulary_find(vocabulary, bpe->word.bytes, bpe->word.size, &token))
		whole = vocabulary_whole(vocabulary, token);
	else
		token = SIZE_MAX;
	if (whole == TOKEN_WHOLE_YES) {
		ids[(*count)++] = vocabulary_id(vocabulary, token);
		return CLIPCLS_OK;
	}
	if (!split_word(bpe, n))
		return error_memory(error);
	merge_word(bpe, vocabulary, n);
	if (token != SIZE_MAX)
		vocabulary_set_whole(vocabulary, token,
		                     bpe->symbols[0].next == NO_SYMBOL ? TOKEN_WHOLE_YES : TOKEN_WHOLE_NO);
	for (size_t i = 0; i != NO_SYMBOL && *count < capacity; i = bpe->symbols[i].next)
		ids[(*count)++] = symbol_id(bpe, vocabulary, &bpe->symbols[i]);
	return CLIPCLS_OK;
}
