#include "text/vocabulary_build.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/strmap.h"
#include "base/utf8.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define NO_MERGE SIZE_MAX

struct token {
	int32_t id;
	_Atomic unsigned char whole; /* enum token_whole */
	size_t merge;                /* the last merge that makes this token, or NO_MERGE */
};

struct merge {
	size_t left; /* bytes of the left half */
	size_t rank;
	size_t next; /* another merge that makes the same token, or NO_MERGE */
};

struct vocabulary {
	const char *name; /* in messages, while it is being built */
	size_t vocab_size;
	char *texts; /* all tokens' texts, back to back; the map's keys */
	size_t texts_size, texts_capacity;
	struct strmap *places; /* text -> place in tokens */
	struct token *tokens;
	size_t count, capacity;
	struct merge *merges;
	size_t merge_count, merge_capacity, ranks;
	unsigned char *taken; /* one bit for each id: given to a token */
	struct buffer joined; /* scratch of vocabulary_add_merge */
	int32_t start_id, end_id;
};

clipcls_status vocabulary_new(struct vocabulary **out, size_t tokens, size_t text_bytes,
                              size_t vocab_size, const char *name, clipcls_error *error)
{
	*out = NULL;
	if (vocab_size == 0 || vocab_size > INT32_MAX)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: vocab_size %zu is not a vocabulary's",
		                 name, vocab_size);
	struct vocabulary *vocabulary = memory_new(1, sizeof *vocabulary);
	if (vocabulary == NULL)
		return error_memory(error);
	vocabulary->name = name;
	vocabulary->vocab_size = vocab_size;
	vocabulary->texts_capacity = text_bytes;
	vocabulary->texts = malloc(text_bytes > 0 ? text_bytes : 1);
	vocabulary->places = strmap_new(tokens);
	vocabulary->taken = memory_new(vocab_size / 8 + 1, 1);
	if (vocabulary->texts == NULL || vocabulary->places == NULL || vocabulary->taken == NULL) {
		vocabulary_free(vocabulary);
		return error_memory(error);
	}
	*out = vocabulary;
	return CLIPCLS_OK;
}

void vocabulary_free(struct vocabulary *vocabulary)
{
	if (vocabulary == NULL)
		return;
	strmap_free(vocabulary->places);
	buffer_free(&vocabulary->joined);
	free(vocabulary->texts);
	free(vocabulary->tokens);
	free(vocabulary->merges);
	free(vocabulary->taken);
	free(vocabulary);
}

/* ---- building ------------------------------------------------------------------------------- */

/* Token texts in messages are cut: a hostile one may be as long as its file. */
static int shown(size_t n)
{
	return (int)size_min(n, 64);
}

static clipcls_status add_checked(struct vocabulary *vocabulary, const char *text, size_t n,
                                  size_t id, clipcls_error *error)
{
	struct token *grown = memory_grow(vocabulary->tokens, &vocabulary->capacity,
	                                  vocabulary->count + 1, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	vocabulary->tokens = grown;
	if (n > vocabulary->texts_capacity - vocabulary->texts_size)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: token texts are longer than the file",
		                 vocabulary->name);
	char *copy = vocabulary->texts + vocabulary->texts_size;
	if (n > 0)
		memcpy(copy, text, n);
	switch (strmap_put(vocabulary->places, copy, n, vocabulary->count)) {
	case STRMAP_NO_MEMORY: return error_memory(error);
	case STRMAP_EXISTS:
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: token \"%.*s\" stands twice",
		                 vocabulary->name, shown(n), text);
	case STRMAP_ADDED: break;
	}
	vocabulary->texts_size += n;
	vocabulary->taken[id / 8] |= (unsigned char)(1u << id % 8);
	struct token *token = &vocabulary->tokens[vocabulary->count++];
	token->id = (int32_t)id;
	token->merge = NO_MERGE;
	atomic_init(&token->whole, TOKEN_WHOLE_UNKNOWN);
	return CLIPCLS_OK;
}

clipcls_status vocabulary_add(struct vocabulary *vocabulary, const char *text, size_t n, size_t id,
                              clipcls_error *error)
{
	if (!utf8_valid(text, n))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: the token of id %zu is not UTF-8",
		                 vocabulary->name, id);
	if (id >= vocabulary->vocab_size)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: id %zu of token \"%.*s\" is beyond the text tower's vocab_size %zu",
		                 vocabulary->name, id, shown(n), text, vocabulary->vocab_size);
	if ((vocabulary->taken[id / 8] >> id % 8 & 1) != 0)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: id %zu stands twice (token \"%.*s\")",
		                 vocabulary->name, id, shown(n), text);
	return add_checked(vocabulary, text, n, id, error);
}

/* A pair that is listed twice counts where it stands last, as in both references. */
static clipcls_status put_merge(struct vocabulary *vocabulary, size_t token, size_t left,
                                clipcls_error *error)
{
	size_t rank = vocabulary->ranks++;
	size_t next = vocabulary->tokens[token].merge;
	for (size_t i = next; i != NO_MERGE; i = vocabulary->merges[i].next) {
		if (vocabulary->merges[i].left == left) {
			vocabulary->merges[i].rank = rank;
			return CLIPCLS_OK;
		}
	}
	struct merge *grown = memory_grow(vocabulary->merges, &vocabulary->merge_capacity,
	                                  vocabulary->merge_count + 1, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	vocabulary->merges = grown;
	grown[vocabulary->merge_count] = (struct merge){ .left = left, .rank = rank, .next = next };
	vocabulary->tokens[token].merge = vocabulary->merge_count++;
	return CLIPCLS_OK;
}

clipcls_status vocabulary_add_merge(struct vocabulary *vocabulary, const char *left, size_t n_left,
                                    const char *right, size_t n_right, clipcls_error *error)
{
	struct buffer *joined = &vocabulary->joined;
	size_t token;
	buffer_clear(joined);
	buffer_append(joined, left, n_left);
	buffer_append(joined, right, n_right);
	if (joined->failed)
		return error_memory(error);
	if (n_left == 0 || n_right == 0 ||
	    !strmap_get(vocabulary->places, joined->bytes, joined->size, &token) ||
	    !strmap_get(vocabulary->places, left, n_left, NULL) ||
	    !strmap_get(vocabulary->places, right, n_right, NULL))
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: merge %zu, \"%.*s\" and \"%.*s\", names a token that the vocabulary "
		                 "lacks",
		                 vocabulary->name, vocabulary->ranks + 1, shown(n_left), left,
		                 shown(n_right), right);
	return put_merge(vocabulary, token, n_left, error);
}

static clipcls_status find_special(int32_t *id, const struct vocabulary *vocabulary,
                                   const char *name, const char *other_name, clipcls_error *error)
{
	size_t token;
	if (!vocabulary_find(vocabulary, name, strlen(name), &token) &&
	    !vocabulary_find(vocabulary, other_name, strlen(other_name), &token))
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: the vocabulary lacks the token \"%s\"",
		                 vocabulary->name, name);
	*id = vocabulary_id(vocabulary, token);
	return CLIPCLS_OK;
}

clipcls_status vocabulary_finish(struct vocabulary *vocabulary, clipcls_error *error)
{
	clipcls_status status = find_special(&vocabulary->start_id, vocabulary, "<|startoftext|>",
	                                     "<start_of_text>", error);
	if (status == CLIPCLS_OK)
		status = find_special(&vocabulary->end_id, vocabulary, "<|endoftext|>", "<end_of_text>",
		                      error);
	return status;
}

/* ---- asking --------------------------------------------------------------------------------- */

int32_t vocabulary_start_id(const struct vocabulary *vocabulary)
{
	return vocabulary->start_id;
}

int32_t vocabulary_end_id(const struct vocabulary *vocabulary)
{
	return vocabulary->end_id;
}

/* GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes, in order, are U+0100 and
 * what follows it. */
uint32_t vocabulary_code_point(unsigned char byte)
{
	if (byte <= 0x20)
		return 0x100u + byte;
	if (byte <= 0x7e)
		return byte;
	if (byte <= 0xa0)
		return 0x121u + (byte - 0x7fu);
	return byte == 0xad ? 0x143u : byte;
}

bool vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n,
                     size_t *token)
{
	return strmap_get(vocabulary->places, text, n, token);
}

int32_t vocabulary_id(const struct vocabulary *vocabulary, size_t token)
{
	return vocabulary->tokens[token].id;
}

size_t vocabulary_rank(const struct vocabulary *vocabulary, const char *text, size_t left,
                       size_t n)
{
	size_t token;
	if (!strmap_get(vocabulary->places, text, n, &token))
		return RANK_NONE;
	for (size_t i = vocabulary->tokens[token].merge; i != NO_MERGE; i = vocabulary->merges[i].next)
		if (vocabulary->merges[i].left == left)
			return vocabulary->merges[i].rank;
	return RANK_NONE;
}

enum token_whole vocabulary_whole(const struct vocabulary *vocabulary, size_t token)
{
	return (enum token_whole)atomic_load_explicit(&vocabulary->tokens[token].whole,
	                                              memory_order_relaxed);
}

void vocabulary_set_whole(const struct vocabulary *vocabulary, size_t token,
                          enum token_whole whole)
{
	atomic_store_explicit(&vocabulary->tokens[token].whole, (unsigned char)whole,
	                      memory_order_relaxed);
}
