#include "text/vocabulary_build.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/token_table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Places, ranks and lengths fit 32 bits, as texts do: they come from one file below 4 GiB. */
struct merge {
	uint32_t left; /* bytes of the left half; 0 = no merge */
	uint32_t rank;
	uint32_t next; /* in `more`, plus one: another merge that makes the same token; 0 = none */
};

struct token {
	int32_t id;
	_Atomic unsigned char whole; /* enum token_whole */
	struct merge merge;          /* nearly every token is made by exactly one */
};

struct vocabulary {
	const char *name; /* in messages, while it is being built */
	size_t vocab_size;
	char *texts; /* all tokens' texts, back to back */
	size_t texts_size, texts_capacity;
	struct token_table table; /* text -> place in tokens */
	struct token *tokens;     /* (table.count) */
	size_t capacity;
	struct merge *more;
	size_t more_count, more_capacity;
	uint32_t ranks;
	size_t last_merged;   /* the last merge's token: the next one's is probably it, or behind it */
	unsigned char *taken; /* one bit for each id: given to a token */
	struct buffer joined; /* scratch of vocabulary_add_merge */
	int32_t start_id, end_id;
};

clipcls_status vocabulary_new(struct vocabulary **out, size_t tokens, size_t text_bytes,
                              size_t vocab_size, const char *name, clipcls_error *error)
{
	*out = NULL;
	if (vocab_size == 0 || vocab_size > INT32_MAX || text_bytes > UINT32_MAX)
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: %zu tokens in %zu bytes are not a vocabulary", name, vocab_size,
		                 text_bytes);
	struct vocabulary *vocabulary = memory_new(1, sizeof *vocabulary);
	if (vocabulary == NULL)
		return error_memory(error);
	vocabulary->name = name;
	vocabulary->vocab_size = vocab_size;
	vocabulary->texts_capacity = text_bytes;
	vocabulary->texts = malloc(text_bytes > 0 ? text_bytes : 1);
	vocabulary->taken = memory_new(vocab_size / 8 + 1, 1);
	vocabulary->tokens =
	    memory_grow(NULL, &vocabulary->capacity, tokens, sizeof *vocabulary->tokens);
	bool table = token_table_init(&vocabulary->table, tokens, vocabulary->texts);
	if (!table || vocabulary->texts == NULL || vocabulary->taken == NULL ||
	    vocabulary->tokens == NULL) {
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
	token_table_free(&vocabulary->table);
	buffer_free(&vocabulary->joined);
	free(vocabulary->texts);
	free(vocabulary->tokens);
	free(vocabulary->more);
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
	size_t place = vocabulary->table.count;
	struct token *grown =
	    memory_grow(vocabulary->tokens, &vocabulary->capacity, place + 1, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	vocabulary->tokens = grown;
	if (n > vocabulary->texts_capacity - vocabulary->texts_size)
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: token texts are longer than the file",
		                 vocabulary->name);
	if (n > 0)
		memcpy(vocabulary->texts + vocabulary->texts_size, text, n);
	switch (token_table_put(&vocabulary->table, (uint32_t)vocabulary->texts_size, (uint32_t)n)) {
	case TOKEN_NO_MEMORY: return error_memory(error);
	case TOKEN_EXISTS:
		return error_set(error, CLIPCLS_ERR_FORMAT, "%s: token \"%.*s\" stands twice",
		                 vocabulary->name, shown(n), text);
	case TOKEN_ADDED: break;
	}
	vocabulary->texts_size += n;
	vocabulary->taken[id / 8] |= (unsigned char)(1u << id % 8);
	vocabulary->tokens[place] = (struct token){ .id = (int32_t)id, .whole = TOKEN_WHOLE_UNKNOWN };
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
static clipcls_status put_merge(struct vocabulary *vocabulary, size_t place, size_t left,
                                clipcls_error *error)
{
	struct merge *first = &vocabulary->tokens[place].merge;
	uint32_t rank = vocabulary->ranks++;
	if (first->left == 0) {
		*first = (struct merge){ .left = (uint32_t)left, .rank = rank };
		return CLIPCLS_OK;
	}
	for (struct merge *merge = first;; merge = &vocabulary->more[merge->next - 1]) {
		if (merge->left == left) {
			merge->rank = rank;
			return CLIPCLS_OK;
		}
		if (merge->next == 0)
			break;
	}
	struct merge *grown = memory_grow(vocabulary->more, &vocabulary->more_capacity,
	                                  vocabulary->more_count + 1, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	vocabulary->more = grown;
	grown[vocabulary->more_count++] =
	    (struct merge){ .left = (uint32_t)left, .rank = rank, .next = first->next };
	first->next = (uint32_t)vocabulary->more_count;
	return CLIPCLS_OK;
}

clipcls_status vocabulary_add_merged(struct vocabulary *vocabulary, const char *text, size_t left,
                                     size_t n, size_t id, clipcls_error *error)
{
	clipcls_status status = vocabulary_add(vocabulary, text, n, id, error);
	if (status == CLIPCLS_OK)
		status = put_merge(vocabulary, vocabulary->table.count - 1, left, error);
	return status;
}

/* Vocabularies mostly list tokens in the order of their merges: a guess spares most look-ups. */
static bool find_merged(size_t *place, struct vocabulary *vocabulary, const char *text, size_t n)
{
	*place = vocabulary->last_merged + 1;
	if (!token_table_is(&vocabulary->table, *place, text, n) &&
	    !token_table_is(&vocabulary->table, --*place, text, n) &&
	    !vocabulary_find(vocabulary, text, n, place))
		return false;
	vocabulary->last_merged = *place;
	return true;
}

clipcls_status vocabulary_add_merge(struct vocabulary *vocabulary, const char *left, size_t n_left,
                                    const char *right, size_t n_right, clipcls_error *error)
{
	struct buffer *joined = &vocabulary->joined;
	size_t place, half;
	buffer_clear(joined);
	buffer_append(joined, left, n_left);
	buffer_append(joined, right, n_right);
	if (joined->failed)
		return error_memory(error);
	if (n_left == 0 || n_right == 0 ||
	    !find_merged(&place, vocabulary, joined->bytes, joined->size) ||
	    !vocabulary_find(vocabulary, left, n_left, &half) ||
	    !vocabulary_find(vocabulary, right, n_right, &half))
		return error_set(error, CLIPCLS_ERR_FORMAT,
		                 "%s: merge %zu, \"%.*s\" and \"%.*s\", names a token that the vocabulary "
		                 "lacks",
		                 vocabulary->name, (size_t)vocabulary->ranks + 1, shown(n_left), left,
		                 shown(n_right), right);
	return put_merge(vocabulary, place, n_left, error);
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
		status =
		    find_special(&vocabulary->end_id, vocabulary, "<|endoftext|>", "<end_of_text>", error);
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

bool vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t n, size_t *token)
{
	return token_table_get(&vocabulary->table, text, n, token);
}

int32_t vocabulary_id(const struct vocabulary *vocabulary, size_t token)
{
	return vocabulary->tokens[token].id;
}

size_t vocabulary_rank(const struct vocabulary *vocabulary, const char *text, size_t left, size_t n)
{
	size_t token;
	if (!vocabulary_find(vocabulary, text, n, &token))
		return RANK_NONE;
	const struct merge *merge = &vocabulary->tokens[token].merge;
	while (merge->left != left && merge->next != 0)
		merge = &vocabulary->more[merge->next - 1];
	return merge->left == left ? merge->rank : RANK_NONE;
}

enum token_whole vocabulary_whole(const struct vocabulary *vocabulary, size_t token)
{
	return (enum token_whole)atomic_load_explicit(&vocabulary->tokens[token].whole,
	                                              memory_order_relaxed);
}

void vocabulary_set_whole(const struct vocabulary *vocabulary, size_t token, enum token_whole whole)
{
	atomic_store_explicit(&vocabulary->tokens[token].whole, (unsigned char)whole,
	                      memory_order_relaxed);
}
