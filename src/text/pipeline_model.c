/* The "model" of a tokenizer.json: vocabulary, scores or merges, unknown token. */
#include "base/checked.h"
#include "text/pipeline_read.h"
#include "text/vocabulary_build.h"

#include <math.h>
#include <string.h>

/* Guesses for the first size of tables. */
#define BYTES_PER_SCORED 32 /* ["abcde",-12.345678901234], */
#define BYTES_PER_MEMBER 16 /* "abcde":12345, */

static struct json_walk walk_at(const struct pipeline_reader *reader, const char *text, size_t size)
{
	struct json_walk walk = reader->walk;
	walk.at = text;
	walk.end = text + size;
	return walk;
}

static bool is_absent(const json *node)
{
	return node == NULL || json_is_null(node);
}

/* ---- unigram -------------------------------------------------------------------------------- */

static clipcls_status read_scored(struct pipeline_reader *reader, struct unigram *unigram)
{
	struct json_walk walk = walk_at(reader, reader->vocab, reader->vocab_size);
	struct buffer text = { 0 };
	struct piece piece = { 0 };
	bool first = true;
	unigram->min_score = INFINITY;
	json_walk_expect(&walk, '[');
	for (; walk.status == CLIPCLS_OK && json_walk_more(&walk, &first, ']'); piece.id++) {
		json_walk_expect(&walk, '[');
		json_walk_string(&walk, &text);
		json_walk_expect(&walk, ',');
		piece.score = json_walk_number(&walk);
		json_walk_expect(&walk, ']');
		if (walk.status != CLIPCLS_OK)
			break;
		unigram->min_score = fmin(unigram->min_score, piece.score);
		walk.status =
		    (size_t)piece.id >= reader->id_limit
		        ? pipeline_broken(reader, "too many tokens")
		        : pieces_add(&unigram->pieces, text.bytes, text.size, &piece, reader->error);
	}
	buffer_free(&text);
	return walk.status;
}

static clipcls_status read_unigram(struct pipeline_reader *reader)
{
	struct unigram *unigram = &reader->pipeline->unigram;
	size_t unk_id;
	clipcls_status status = pieces_init(&unigram->pieces, reader->vocab_size / BYTES_PER_SCORED,
	                                    reader->name, reader->error);
	if (status == CLIPCLS_OK)
		status = read_scored(reader, unigram);
	if (status != CLIPCLS_OK)
		return status;
	if (!json_size(json_get(reader->model, "unk_id"), &unk_id) || unk_id >= unigram->pieces.count)
		return pipeline_broken(reader, "the model's unk_id is none of its tokens");
	unigram->unk_id = (int32_t)unk_id;
	unigram->byte_fallback = json_bool(json_get(reader->model, "byte_fallback"), false);
	if (unigram->byte_fallback) {
		unigram_find_bytes(unigram);
		if (!unigram->byte_fallback)
			return pipeline_refuse(reader, "byte_fallback without tokens for all bytes",
			                       json_get(reader->model, "byte_fallback"));
	}
	return CLIPCLS_OK;
}

/* ---- byte-pair encoding --------------------------------------------------------------------- */

static clipcls_status check_bpe(const struct pipeline_reader *reader)
{
	static const char *const empty[] = { "dropout", "continuing_subword_prefix",
		                                 "end_of_word_suffix" };
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		const json *node = json_get(reader->model, empty[i]);
		if (!is_absent(node) && strcmp(json_string(node, "?"), "") != 0)
			return pipeline_refuse(reader, empty[i], node);
	}
	if (json_bool(json_get(reader->model, "ignore_merges"), false))
		return pipeline_refuse(reader, "ignore_merges", json_get(reader->model, "ignore_merges"));
	return CLIPCLS_OK;
}

static clipcls_status read_bpe_unknown(struct pipeline_reader *reader)
{
	struct bpe_characters *bpe = &reader->pipeline->bpe;
	const json *unk = json_get(reader->model, "unk_token");
	const char *text = json_string(unk, "");
	size_t token;
	bpe->unk_id = -1;
	bpe->fuse_unk = json_bool(json_get(reader->model, "fuse_unk"), false);
	bpe->byte_fallback = json_bool(json_get(reader->model, "byte_fallback"), false);
	if (bpe->byte_fallback && !bpe_characters_find_bytes(bpe))
		return pipeline_refuse(reader, "byte_fallback without tokens for all bytes",
		                       json_get(reader->model, "byte_fallback"));
	if (is_absent(unk))
		return CLIPCLS_OK;
	if (!vocabulary_find(bpe->vocabulary, text, strlen(text), &token))
		return pipeline_broken(reader, "the model's unk_token is none of its tokens");
	bpe->unk_id = vocabulary_id(bpe->vocabulary, token);
	return CLIPCLS_OK;
}

static clipcls_status read_bpe(struct pipeline_reader *reader)
{
	struct bpe_characters *bpe = &reader->pipeline->bpe;
	struct json_walk walk = walk_at(reader, reader->vocab, reader->vocab_size);
	clipcls_status status = check_bpe(reader);
	if (status == CLIPCLS_OK && reader->merges == NULL)
		status = pipeline_broken(reader, "the model has no \"merges\"");
	if (status == CLIPCLS_OK)
		status = vocabulary_new(&bpe->vocabulary, reader->vocab_size / BYTES_PER_MEMBER,
		                        reader->vocab_size, reader->id_limit, reader->name, reader->error);
	if (status == CLIPCLS_OK)
		status = vocabulary_read_members(bpe->vocabulary, &walk, reader->error);
	if (status == CLIPCLS_OK)
		status = vocabulary_read_merge_list(bpe->vocabulary,
		                                    walk_at(reader, reader->merges, reader->merges_size));
	if (status == CLIPCLS_OK)
		status = read_bpe_unknown(reader);
	return status;
}

/* ---- WordPiece ------------------------------------------------------------------------------ */

static clipcls_status read_pieces(struct pipeline_reader *reader, struct pieces *pieces)
{
	struct json_walk walk = walk_at(reader, reader->vocab, reader->vocab_size);
	struct buffer text = { 0 };
	bool first = true;
	json_walk_expect(&walk, '{');
	while (walk.status == CLIPCLS_OK && json_walk_more(&walk, &first, '}')) {
		json_walk_string(&walk, &text);
		json_walk_expect(&walk, ':');
		size_t id = json_walk_size(&walk);
		if (walk.status != CLIPCLS_OK)
			break;
		const struct piece piece = { .id = (int32_t)size_min(id, INT32_MAX) };
		walk.status = id >= reader->id_limit
		                  ? pipeline_broken(reader, "an id is out of range")
		                  : pieces_add(pieces, text.bytes, text.size, &piece, reader->error);
	}
	buffer_free(&text);
	return walk.status;
}

static clipcls_status read_wordpiece(struct pipeline_reader *reader)
{
	struct wordpiece *wordpiece = &reader->pipeline->wordpiece;
	const json *limit = json_get(reader->model, "max_input_chars_per_word");
	const json *prefix_node = json_get(reader->model, "continuing_subword_prefix");
	const char *unk = json_string(json_get(reader->model, "unk_token"), "[UNK]");
	const char *prefix = json_string(prefix_node, "##");
	clipcls_status status = pieces_init(&wordpiece->pieces, reader->vocab_size / BYTES_PER_MEMBER,
	                                    reader->name, reader->error);
	if (status == CLIPCLS_OK)
		status = read_pieces(reader, &wordpiece->pieces);
	if (status != CLIPCLS_OK)
		return status;
	if (strlen(prefix) >= sizeof wordpiece->prefix)
		return pipeline_refuse(reader, "continuing_subword_prefix", prefix_node);
	strcpy(wordpiece->prefix, prefix);
	wordpiece->max_word = 100;
	/* Each part of a word is looked for in the rest of it. */
	if (!is_absent(limit) &&
	    (!json_size(limit, &wordpiece->max_word) || wordpiece->max_word > PIECE_LIMIT))
		return pipeline_refuse(reader, "max_input_chars_per_word", limit);
	const struct piece *piece = pieces_find(&wordpiece->pieces, unk, strlen(unk));
	if (piece == NULL)
		return pipeline_broken(reader, "the model's unk_token is none of its tokens");
	wordpiece->unk_id = piece->id;
	return CLIPCLS_OK;
}

clipcls_status pipeline_read_model(struct pipeline_reader *reader)
{
	switch (reader->pipeline->model) {
	case PIPELINE_UNIGRAM: return read_unigram(reader);
	case PIPELINE_BPE: return read_bpe(reader);
	case PIPELINE_WORDPIECE: return read_wordpiece(reader);
	}
	return CLIPCLS_OK;
}
