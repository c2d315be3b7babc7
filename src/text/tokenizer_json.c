/* tokenizer.json: a byte-pair model between a normalizer, a pre-tokenizer and the like.
 * transformers takes vocabulary and merges from it and builds CLIP's own normalizer and pre-
 * tokenizer around them; a file that names others was made for another tokenizer, and is refused.
 */
#include "base/json.h"
#include "text/json_walk.h"
#include "text/vocabulary_build.h"

#include <string.h>

#define BYTES_PER_TOKEN 32

/* What is kept from one walk over the file. */
struct reader {
	struct vocabulary *vocabulary;
	struct json_walk walk;
	struct buffer key; /* scratch */
	bool has_model, has_vocab, has_merges;
	const char *merges; /* where they stand; read when the vocabulary is known */
	size_t merges_size;
	json *type, *suffix, *prefix; /* of the model */
	json *normalizer, *pre_tokenizer, *added_tokens;
	clipcls_error *error;
};

clipcls_status vocabulary_read_members(struct vocabulary *vocabulary, struct json_walk *walk,
                                       clipcls_error *error)
{
	struct buffer key = { 0 };
	bool first = true;
	json_walk_expect(walk, '{');
	while (walk->status == CLIPCLS_OK && json_walk_more(walk, &first, '}')) {
		json_walk_string(walk, &key);
		json_walk_expect(walk, ':');
		size_t id = json_walk_size(walk);
		if (walk->status == CLIPCLS_OK)
			walk->status = vocabulary_add(vocabulary, key.bytes, key.size, id, error);
	}
	buffer_free(&key);
	return walk->status;
}

/* ---- merges --------------------------------------------------------------------------------- */

/* One merge: ["a","b"], or "a b" in older files. */
static void read_merge(struct vocabulary *vocabulary, struct json_walk *walk,
                       struct buffer scratch[2])
{
	struct buffer *first = &scratch[0], *second = &scratch[1];
	const char *left, *right;
	size_t n_left, n_right;
	if (json_walk_at_string(walk)) {
		json_walk_string(walk, first);
		if (walk->status != CLIPCLS_OK)
			return;
		left = first->bytes;
		const char *space = memchr(left, ' ', first->size);
		n_left = space != NULL ? (size_t)(space - left) : first->size;
		n_right = space != NULL ? first->size - n_left - 1 : 0;
		right = left + (first->size - n_right);
	} else {
		json_walk_expect(walk, '[');
		json_walk_string(walk, first);
		json_walk_expect(walk, ',');
		json_walk_string(walk, second);
		json_walk_expect(walk, ']');
		left = first->bytes;
		n_left = first->size;
		right = second->bytes;
		n_right = second->size;
	}
	if (walk->status == CLIPCLS_OK)
		walk->status = vocabulary_add_merge(vocabulary, left, n_left, right, n_right, walk->error);
}

clipcls_status vocabulary_read_merge_list(struct vocabulary *vocabulary, struct json_walk walk)
{
	struct buffer scratch[2] = { { 0 } };
	bool first = true;
	json_walk_expect(&walk, '[');
	while (walk.status == CLIPCLS_OK && json_walk_more(&walk, &first, ']'))
		read_merge(vocabulary, &walk, scratch);
	buffer_free(&scratch[0]);
	buffer_free(&scratch[1]);
	return walk.status;
}

static clipcls_status read_merges(const struct reader *reader)
{
	struct json_walk walk = reader->walk;
	walk.at = reader->merges;
	walk.end = reader->merges + reader->merges_size;
	return vocabulary_read_merge_list(reader->vocabulary, walk);
}

/* ---- the walk ------------------------------------------------------------------------------- */

/* A small value as a tree. kept = NULL: it only has to be JSON. */
static void read_value(struct reader *reader, json **kept)
{
	const char *text;
	size_t n;
	json *parsed = NULL;
	json_walk_value(&reader->walk, &text, &n);
	if (reader->walk.status == CLIPCLS_OK && kept != NULL && *kept != NULL)
		json_walk_fail(&reader->walk, "a key stands twice");
	if (reader->walk.status != CLIPCLS_OK)
		return;
	reader->walk.status = json_parse(&parsed, text, n, reader->walk.name, reader->error);
	if (kept != NULL)
		*kept = parsed;
	else
		json_free(parsed);
}

static void once(struct reader *reader, bool *seen)
{
	if (*seen)
		json_walk_fail(&reader->walk, "a key stands twice");
	*seen = true;
}

static bool key_is(const struct reader *reader, const char *name)
{
	return reader->key.size == strlen(name) &&
	       memcmp(reader->key.bytes, name, reader->key.size) == 0;
}

static void read_key(struct reader *reader)
{
	json_walk_string(&reader->walk, &reader->key);
	json_walk_expect(&reader->walk, ':');
}

static void read_model(struct reader *reader)
{
	bool first = true;
	once(reader, &reader->has_model);
	json_walk_expect(&reader->walk, '{');
	while (reader->walk.status == CLIPCLS_OK && json_walk_more(&reader->walk, &first, '}')) {
		read_key(reader);
		if (reader->walk.status != CLIPCLS_OK)
			return;
		if (key_is(reader, "vocab")) {
			once(reader, &reader->has_vocab);
			const char *text = reader->walk.at;
			size_t n;
			/* Other kinds of model have a list here: their type is the message to give. */
			if (json_walk_take(&reader->walk, '[')) {
				reader->walk.at = text;
				json_walk_value(&reader->walk, &text, &n);
			} else if (reader->walk.status == CLIPCLS_OK) {
				vocabulary_read_members(reader->vocabulary, &reader->walk, reader->error);
			}
		} else if (key_is(reader, "merges")) {
			once(reader, &reader->has_merges);
			json_walk_value(&reader->walk, &reader->merges, &reader->merges_size);
		} else if (key_is(reader, "type")) {
			read_value(reader, &reader->type);
		} else if (key_is(reader, "end_of_word_suffix")) {
			read_value(reader, &reader->suffix);
		} else if (key_is(reader, "continuing_subword_prefix")) {
			read_value(reader, &reader->prefix);
		} else {
			read_value(reader, NULL);
		}
	}
}

static void read_document(struct reader *reader)
{
	bool first = true;
	json_walk_expect(&reader->walk, '{');
	while (reader->walk.status == CLIPCLS_OK && json_walk_more(&reader->walk, &first, '}')) {
		read_key(reader);
		if (reader->walk.status != CLIPCLS_OK)
			return;
		if (key_is(reader, "model"))
			read_model(reader);
		else if (key_is(reader, "normalizer"))
			read_value(reader, &reader->normalizer);
		else if (key_is(reader, "pre_tokenizer"))
			read_value(reader, &reader->pre_tokenizer);
		else if (key_is(reader, "added_tokens"))
			read_value(reader, &reader->added_tokens);
		else
			read_value(reader, NULL);
	}
	json_walk_end(&reader->walk);
}

/* ---- what must be CLIP's -------------------------------------------------------------------- */

static clipcls_status refuse(const struct reader *reader, const char *what, const json *node)
{
	struct buffer text = { 0 };
	const int shown = 200;
	json_write(&text, node);
	clipcls_status status =
	    error_set(reader->error, CLIPCLS_ERR_UNSUPPORTED, "%s: %s is not CLIP's: %.*s",
	              reader->walk.name, what, shown, text.bytes != NULL ? text.bytes : "?");
	buffer_free(&text);
	return status;
}

static bool string_is(const json *node, const char *key, const char *expected)
{
	return strcmp(json_string(json_get(node, key), ""), expected) == 0;
}

/* Sequence [NFC, Replace \s+ by a space, Lowercase]. */
static bool is_clip_normalizer(const json *node)
{
	const json *nfc = json_first(json_get(node, "normalizers"));
	const json *replace = json_next(nfc), *lower = json_next(replace);
	return string_is(node, "type", "Sequence") && string_is(nfc, "type", "NFC") &&
	       string_is(replace, "type", "Replace") &&
	       string_is(json_get(replace, "pattern"), "Regex", "\\s+") &&
	       string_is(replace, "content", " ") && string_is(lower, "type", "Lowercase") &&
	       json_next(lower) == NULL;
}

/* Sequence [Split by CLIP's expression, ByteLevel]. Older files lack the special tokens at the
 * expression's start; transformers puts them in. */
static bool is_clip_pre_tokenizer(const json *node)
{
	static const char special[] = "<\\|startoftext\\|>|<\\|endoftext\\|>|";
	static const char expression[] =
	    "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";
	const json *split = json_first(json_get(node, "pretokenizers"));
	const json *bytes = json_next(split);
	const char *pattern = json_string(json_get(json_get(split, "pattern"), "Regex"), "");
	if (strncmp(pattern, special, sizeof special - 1) == 0)
		pattern += sizeof special - 1;
	return string_is(node, "type", "Sequence") && string_is(split, "type", "Split") &&
	       strcmp(pattern, expression) == 0 && string_is(split, "behavior", "Removed") &&
	       json_bool(json_get(split, "invert"), false) && string_is(bytes, "type", "ByteLevel") &&
	       !json_bool(json_get(bytes, "add_prefix_space"), true) && json_next(bytes) == NULL;
}

static clipcls_status check_kind(const struct reader *reader)
{
	if (!reader->has_model)
		return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: there is no \"model\"",
		                 reader->walk.name);
	/* The first files had no type; they were all of this kind. */
	if (reader->type != NULL && strcmp(json_string(reader->type, ""), "BPE") != 0)
		return refuse(reader, "model type", reader->type);
	if (strcmp(json_string(reader->suffix, ""), WORD_END) != 0)
		return refuse(reader, "end_of_word_suffix", reader->suffix);
	if (strcmp(json_string(reader->prefix, ""), "") != 0)
		return refuse(reader, "continuing_subword_prefix", reader->prefix);
	if (!is_clip_normalizer(reader->normalizer))
		return refuse(reader, "normalizer", reader->normalizer);
	if (!is_clip_pre_tokenizer(reader->pre_tokenizer))
		return refuse(reader, "pre_tokenizer", reader->pre_tokenizer);
	if (!reader->has_vocab || !reader->has_merges)
		return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: the model lacks vocab or merges",
		                 reader->walk.name);
	return CLIPCLS_OK;
}

/* The special tokens may stand in "added_tokens" alone. Any other added token would be cut out of
 * a text before all else. */
static clipcls_status read_added_tokens(const struct reader *reader)
{
	clipcls_status status = CLIPCLS_OK;
	const json *token = json_first(reader->added_tokens);
	for (; token != NULL && status == CLIPCLS_OK; token = json_next(token)) {
		const char *text = json_string(json_get(token, "content"), "");
		size_t id, place;
		if (strcmp(text, "<|startoftext|>") != 0 && strcmp(text, "<|endoftext|>") != 0 &&
		    strcmp(text, "<start_of_text>") != 0 && strcmp(text, "<end_of_text>") != 0)
			return refuse(reader, "an added token", token);
		if (!json_size(json_get(token, "id"), &id))
			return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: added token \"%s\" has no id",
			                 reader->walk.name, text);
		if (!vocabulary_find(reader->vocabulary, text, strlen(text), &place))
			status = vocabulary_add(reader->vocabulary, text, strlen(text), id, reader->error);
		else if ((size_t)vocabulary_id(reader->vocabulary, place) != id)
			status = error_set(reader->error, CLIPCLS_ERR_FORMAT,
			                   "%s: token \"%s\" has two ids, %zu and %d", reader->walk.name, text,
			                   id, (int)vocabulary_id(reader->vocabulary, place));
	}
	return status;
}

clipcls_status vocabulary_read_tokenizer_json(struct vocabulary **out,
                                              const struct tokenizer_files *files,
                                              size_t vocab_size, clipcls_error *error)
{
	struct reader reader = { .walk = { .start = files->tokenizer_json,
		                               .at = files->tokenizer_json,
		                               .end = files->tokenizer_json + files->tokenizer_json_size,
		                               .name = files->path,
		                               .error = error },
		                     .error = error };
	clipcls_status status =
	    vocabulary_new(out, files->tokenizer_json_size / BYTES_PER_TOKEN,
	                   files->tokenizer_json_size, vocab_size, files->path, error);
	if (status != CLIPCLS_OK)
		return status;
	reader.vocabulary = *out;
	read_document(&reader);
	status = reader.walk.status;
	if (status == CLIPCLS_OK)
		status = check_kind(&reader);
	if (status == CLIPCLS_OK)
		status = read_added_tokens(&reader);
	if (status == CLIPCLS_OK)
		status = read_merges(&reader);
	json *const trees[] = { reader.type,       reader.suffix,        reader.prefix,
		                    reader.normalizer, reader.pre_tokenizer, reader.added_tokens };
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
		json_free(trees[i]);
	buffer_free(&reader.key);
	return status;
}
