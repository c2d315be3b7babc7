/* What a tokenizer.json has beside its model. A part that is not what the model's class in
 * transformers builds is refused: CLIPCLS_ERR_UNSUPPORTED, with the key and its value. */
#include "text/base64.h"
#include "text/pipeline_read.h"

#include <string.h>

#define UNDERLINE "\xe2\x96\x81" /* U+2581 */

static bool string_is(const json *node, const char *key, const char *expected)
{
	return strcmp(json_string(json_get(node, key), ""), expected) == 0;
}

static bool type_is(const json *node, const char *type)
{
	return string_is(node, "type", type);
}

/* The members of a Sequence, or the node itself as the only one. `key` names the list. */
static const json *first_of(const json *node, const char *key)
{
	return type_is(node, "Sequence") ? json_first(json_get(node, key)) : node;
}

static const json *next_of(const json *node, const json *whole)
{
	return node == whole ? NULL : json_next(node);
}

static clipcls_status refuse(const struct pipeline_reader *reader, const char *key)
{
	return pipeline_refuse(reader, key, json_get(reader->document, key));
}

/* ---- normalizer ----------------------------------------------------------------------------- */

static clipcls_status read_charsmap(struct pipeline_reader *reader, const json *node)
{
	const char *text = json_string(json_get(node, "precompiled_charsmap"), "");
	struct buffer bytes = { 0 };
	if (reader->pipeline->charsmap != NULL)
		return refuse(reader, "normalizer");
	bool decoded = base64_decode(&bytes, text, strlen(text));
	clipcls_status status;
	if (bytes.failed)
		status = error_memory(reader->error);
	else if (!decoded)
		status = pipeline_broken(reader, "precompiled_charsmap is not base64");
	else
		status = charsmap_new(&reader->pipeline->charsmap, bytes.bytes, bytes.size, reader->name,
		                      reader->error);
	buffer_free(&bytes);
	return status;
}

/* Spaces that are joined or dropped make no difference: the pre-tokenizer splits at them. */
static bool is_about_spaces(const json *node)
{
	return type_is(node, "Strip") ||
	       (type_is(node, "Replace") && string_is(json_get(node, "pattern"), "Regex", " {2,}") &&
	        (string_is(node, "content", " ") || string_is(node, "content", UNDERLINE)));
}

/* [Precompiled, what is about spaces], in any order, or nothing. */
static clipcls_status read_unigram_normalizer(struct pipeline_reader *reader)
{
	const json *whole = json_get(reader->document, "normalizer");
	clipcls_status status = CLIPCLS_OK;
	if (reader->pipeline->cleaning == TEXT_CLEANING_LOWER)
		return pipeline_refuse(reader, "lower case before a normalizer", whole);
	if (whole == NULL || json_is_null(whole))
		return CLIPCLS_OK;
	for (const json *node = first_of(whole, "normalizers"); node != NULL && status == CLIPCLS_OK;
	     node = next_of(node, whole)) {
		if (type_is(node, "Precompiled"))
			status = read_charsmap(reader, node);
		else if (!is_about_spaces(node))
			status = refuse(reader, "normalizer");
	}
	return status;
}

/* [Lowercase,] Replace " " by U+2581. */
static clipcls_status read_bpe_normalizer(struct pipeline_reader *reader)
{
	const json *whole = json_get(reader->document, "normalizer");
	const json *node = first_of(whole, "normalizers");
	reader->pipeline->lower = reader->pipeline->cleaning == TEXT_CLEANING_LOWER;
	if (type_is(node, "Lowercase")) {
		reader->pipeline->lower = true;
		node = next_of(node, whole);
	}
	if (!type_is(node, "Replace") || !string_is(json_get(node, "pattern"), "String", " ") ||
	    !string_is(node, "content", UNDERLINE) || next_of(node, whole) != NULL)
		return refuse(reader, "normalizer");
	return CLIPCLS_OK;
}

static clipcls_status read_bert_normalizer(struct pipeline_reader *reader)
{
	const json *node = json_get(reader->document, "normalizer");
	if (!type_is(node, "BertNormalizer") || reader->pipeline->cleaning == TEXT_CLEANING_LOWER)
		return refuse(reader, "normalizer");
	bool lowercase = json_bool(json_get(node, "lowercase"), true);
	reader->pipeline->bert = (struct wordpiece_normalizer){
		.clean_text = json_bool(json_get(node, "clean_text"), true),
		.handle_chinese_chars = json_bool(json_get(node, "handle_chinese_chars"), true),
		.strip_accents = json_bool(json_get(node, "strip_accents"), lowercase),
		.lowercase = lowercase,
	};
	return CLIPCLS_OK;
}

/* ---- pre_tokenizer -------------------------------------------------------------------------- */

/* Newer files say prepend_scheme, older ones add_prefix_space. */
static bool is_metaspace(const json *node)
{
	const char *scheme = json_string(json_get(node, "prepend_scheme"), NULL);
	bool prepends = scheme != NULL ? strcmp(scheme, "always") == 0
	                               : json_bool(json_get(node, "add_prefix_space"), true);
	return type_is(node, "Metaspace") && string_is(node, "replacement", UNDERLINE) && prepends &&
	       json_bool(json_get(node, "split"), true);
}

/* [WhitespaceSplit,] Metaspace. */
static bool is_unigram_pre_tokenizer(const json *whole)
{
	const json *node = first_of(whole, "pretokenizers");
	if (type_is(node, "WhitespaceSplit"))
		node = next_of(node, whole);
	return is_metaspace(node) && next_of(node, whole) == NULL;
}

/* Nothing, or at spaces, of which the normalizer has left none. */
static bool is_bpe_pre_tokenizer(const json *node)
{
	return node == NULL || json_is_null(node) ||
	       (type_is(node, "Split") && string_is(json_get(node, "pattern"), "String", " ") &&
	        string_is(node, "behavior", "MergedWithPrevious") &&
	        !json_bool(json_get(node, "invert"), true));
}

static clipcls_status read_text_parts(struct pipeline_reader *reader)
{
	const json *pre_tokenizer = json_get(reader->document, "pre_tokenizer");
	clipcls_status status = CLIPCLS_OK;
	bool right = false;
	switch (reader->pipeline->model) {
	case PIPELINE_UNIGRAM:
		status = read_unigram_normalizer(reader);
		right = is_unigram_pre_tokenizer(pre_tokenizer);
		break;
	case PIPELINE_BPE:
		status = read_bpe_normalizer(reader);
		right = is_bpe_pre_tokenizer(pre_tokenizer);
		break;
	case PIPELINE_WORDPIECE:
		status = read_bert_normalizer(reader);
		right = type_is(pre_tokenizer, "BertPreTokenizer");
		break;
	}
	if (status == CLIPCLS_OK && !right)
		status = refuse(reader, "pre_tokenizer");
	return status;
}

/* ---- post_processor ------------------------------------------------------------------------- */

static bool read_id(int32_t *id, const struct pipeline_reader *reader, const json *node)
{
	size_t value;
	if (!json_size(node, &value) || value >= reader->id_limit)
		return false;
	*id = (int32_t)value;
	return true;
}

static bool put(int32_t *ids, size_t *n, const struct pipeline_reader *reader, const json *node)
{
	return *n < PIPELINE_AROUND_LIMIT && read_id(&ids[*n], reader, node) && ++*n > 0;
}

/* {"single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, ...],
 *  "special_tokens": {"<s>": {"ids": [0]}}} */
static bool read_template(struct pipeline_reader *reader, const json *node)
{
	struct pipeline *pipeline = reader->pipeline;
	const json *tokens = json_get(node, "special_tokens");
	bool seen = false;
	for (const json *part = json_first(json_get(node, "single")); part != NULL;
	     part = json_next(part)) {
		const json *sequence = json_get(part, "Sequence");
		if (sequence != NULL) {
			if (seen || !string_is(sequence, "id", "A"))
				return false;
			seen = true;
			continue;
		}
		const char *name = json_string(json_get(json_get(part, "SpecialToken"), "id"), "");
		const json *ids = json_get(json_get(tokens, name), "ids");
		if (json_first(ids) == NULL)
			return false;
		for (const json *id = json_first(ids); id != NULL; id = json_next(id))
			if (!(seen ? put(pipeline->after, &pipeline->n_after, reader, id)
			           : put(pipeline->before, &pipeline->n_before, reader, id)))
				return false;
	}
	return seen;
}

static clipcls_status read_post_processor(struct pipeline_reader *reader)
{
	struct pipeline *pipeline = reader->pipeline;
	const json *node = json_get(reader->document, "post_processor");
	bool right = false;
	if (type_is(node, "TemplateProcessing")) {
		right = read_template(reader, node);
	} else if (type_is(node, "BertProcessing") || type_is(node, "RobertaProcessing")) {
		/* "cls": ["[CLS]", 101] */
		const json *cls = json_next(json_first(json_get(node, "cls")));
		const json *sep = json_next(json_first(json_get(node, "sep")));
		right = put(pipeline->before, &pipeline->n_before, reader, cls) &&
		        put(pipeline->after, &pipeline->n_after, reader, sep);
	}
	return right ? CLIPCLS_OK : refuse(reader, "post_processor");
}

/* ---- added_tokens --------------------------------------------------------------------------- */

static clipcls_status read_added_tokens(struct pipeline_reader *reader)
{
	struct pipeline *pipeline = reader->pipeline;
	const json *token = json_first(json_get(reader->document, "added_tokens"));
	clipcls_status status = pieces_init(&pipeline->raw_tokens, 0, reader->name, reader->error);
	if (status == CLIPCLS_OK)
		status = pieces_init(&pipeline->normalized_tokens, 0, reader->name, reader->error);
	for (; token != NULL && status == CLIPCLS_OK; token = json_next(token)) {
		const char *text = json_string(json_get(token, "content"), NULL);
		bool special = json_bool(json_get(token, "special"), false);
		uint32_t flags = 0;
		int32_t id;
		if (text == NULL || !read_id(&id, reader, json_get(token, "id")))
			return pipeline_broken(reader, "an added token has no content or no id");
		if (json_bool(json_get(token, "single_word"), false))
			return pipeline_refuse(reader, "an added token", token);
		if (text[0] == '\0')
			continue;
		flags |= json_bool(json_get(token, "lstrip"), false) ? ADDED_LSTRIP : 0;
		flags |= json_bool(json_get(token, "rstrip"), false) ? ADDED_RSTRIP : 0;
		status =
		    pipeline_add_token(pipeline, text, id, flags,
		                       json_bool(json_get(token, "normalized"), !special), reader->error);
	}
	return status;
}

clipcls_status pipeline_read_parts(struct pipeline_reader *reader)
{
	clipcls_status status = read_text_parts(reader);
	if (status == CLIPCLS_OK)
		status = read_post_processor(reader);
	if (status == CLIPCLS_OK)
		status = read_added_tokens(reader);
	return status;
}
