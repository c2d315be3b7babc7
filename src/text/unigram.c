#include "text/unigram.h"

#include "base/checked.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

/* Both references: a character that is no piece costs as much more than the worst piece. */
#define UNKNOWN_PENALTY 10

#define NO_START SIZE_MAX

/* The best way to cut what stands before a byte of the text: its last piece. */
struct unigram_node {
	double score; /* of the whole way */
	size_t start; /* of the last piece; NO_START: no piece ends here */
	size_t next;  /* on the way that is chosen: where the piece that starts here ends */
	int32_t id;   /* of the last piece */
};

void unigram_free(struct unigram *unigram)
{
	pieces_free(&unigram->pieces);
}

void unigram_scratch_free(struct unigram_scratch *scratch)
{
	free(scratch->nodes);
	*scratch = (struct unigram_scratch){ 0 };
}

void unigram_find_bytes(struct unigram *unigram)
{
	for (unsigned i = 0; i < 256; i++) {
		char text[8];
		int n = snprintf(text, sizeof text, "<0x%02X>", i);
		const struct piece *piece = pieces_find(&unigram->pieces, text, (size_t)n);
		if (piece == NULL) {
			unigram->byte_fallback = false;
			return;
		}
		unigram->byte_ids[i] = piece->id;
	}
}

/* ---- the lattice ---------------------------------------------------------------------------- */

static double piece_score(const struct unigram *unigram, const struct piece *piece)
{
	/* In single precision times a length, less a tenth in double: as SentencePiece has it. */
	if ((piece->flags & UNIGRAM_USER_DEFINED) != 0)
		return (double)((float)piece->length * (float)unigram->max_score) - 0.1;
	return piece->score;
}

/* A way to `end` whose last piece starts at `start`. The first of equals stays, and SentencePiece
 * knows sums in single precision. */
static void offer(struct unigram_node *nodes, const struct unigram *unigram, size_t start,
                  size_t end, double sum, int32_t id)
{
	struct unigram_node *node = &nodes[end];
	if (unigram->is_sentencepiece)
		sum = (double)(float)sum;
	if (node->start != NO_START && sum <= node->score)
		return;
	node->score = sum;
	node->start = start;
	node->id = id;
}

/* What a way costs with an unknown character behind it. */
static double unknown_sum(const struct unigram *unigram, double before)
{
	if (!unigram->is_sentencepiece)
		return unigram->min_score - UNKNOWN_PENALTY + before;
	float unknown = (float)unigram->min_score - UNKNOWN_PENALTY;
	return (double)(unknown + (float)before);
}

static void build(struct unigram_node *nodes, const struct unigram *unigram, const char *text,
                  size_t n)
{
	uint32_t c;
	for (size_t i = 0; i <= n; i++)
		nodes[i] = (struct unigram_node){ .start = NO_START };
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, text + i, n - i);
		struct piece_walk walk = { .pieces = &unigram->pieces, .text = text + i, .size = n - i };
		const struct piece *piece;
		bool has_single = false;
		while ((piece = piece_walk_next(&walk)) != NULL) {
			if ((piece->flags & UNIGRAM_HIDDEN) != 0)
				continue;
			offer(nodes, unigram, i, i + piece->length,
			      piece_score(unigram, piece) + nodes[i].score, piece->id);
			has_single |= piece->length == length;
		}
		if (!has_single)
			offer(nodes, unigram, i, i + length, unknown_sum(unigram, nodes[i].score),
			      unigram->unk_id);
		i += length;
	}
}

/* ---- what comes out ------------------------------------------------------------------------- */

static void add_bytes(struct id_list *out, const struct unigram *unigram, const char *text,
                      size_t n)
{
	for (size_t i = 0; i < n; i++)
		id_list_add(out, unigram->byte_ids[(unsigned char)text[i]]);
}

/* A run of unknown characters: both references look it up as if it were one piece. */
static void add_unknown(struct id_list *out, const struct unigram *unigram, const char *text,
                        size_t n)
{
	const struct piece *piece = NULL;
	if (!unigram->byte_fallback || !unigram->is_sentencepiece)
		piece = pieces_find(&unigram->pieces, text, n);
	if (piece != NULL)
		id_list_add(out, piece->id);
	else if (unigram->byte_fallback)
		add_bytes(out, unigram, text, n);
	else
		id_list_add(out, unigram->unk_id);
}

clipcls_status unigram_encode(struct unigram_scratch *scratch, struct id_list *out,
                              const struct unigram *unigram, const char *text, size_t n,
                              clipcls_error *error)
{
	size_t count;
	if (!size_add(n, 1, &count))
		return error_memory(error);
	struct unigram_node *nodes =
	    memory_grow(scratch->nodes, &scratch->capacity, count, sizeof *nodes);
	if (nodes == NULL)
		return error_memory(error);
	scratch->nodes = nodes;
	build(nodes, unigram, text, n);
	for (size_t end = n; end > 0; end = nodes[end].start)
		nodes[nodes[end].start].next = end;
	for (size_t i = 0; i < n;) {
		size_t start = i, end = nodes[i].next;
		if (nodes[end].id != unigram->unk_id) {
			id_list_add(out, nodes[end].id);
			i = end;
			continue;
		}
		while (i < n && nodes[nodes[i].next].id == unigram->unk_id)
			i = nodes[i].next;
		add_unknown(out, unigram, text + start, i - start);
	}
	return out->failed ? error_memory(error) : CLIPCLS_OK;
}
