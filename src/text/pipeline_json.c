/* tokenizer.json, and vocab.txt: one walk that finds the large parts, and a tree of the rest. */
#include "base/checked.h"
#include "base/utf8.h"
#include "text/pipeline_read.h"
#include "text/unicode.h"

#include <string.h>

clipcls_status pipeline_refuse(const struct pipeline_reader *reader, const char *what,
                               const json *value)
{
	const int shown = 200;
	struct buffer text = { 0 };
	if (value != NULL)
		json_write(&text, value);
	clipcls_status status =
	    error_set(reader->error, CLIPCLS_ERR_UNSUPPORTED, "%s: not supported: %s %.*s",
	              reader->name, what, shown, text.bytes != NULL ? text.bytes : "(missing)");
	buffer_free(&text);
	return status;
}

clipcls_status pipeline_broken(const struct pipeline_reader *reader, const char *what)
{
	return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: %s", reader->name, what);
}

clipcls_status pipeline_add_token(struct pipeline *pipeline, const char *text, int32_t id,
                                  uint32_t flags, bool normalized, clipcls_error *error)
{
	const struct piece values = { .id = id, .flags = flags };
	struct buffer normal = { 0 };
	clipcls_status status;
	/* pieces_add says what is wrong with a text that is not UTF-8, which nothing else may see. */
	if (!normalized || !utf8_valid(text, strlen(text)))
		return pieces_add(&pipeline->raw_tokens, text, strlen(text), &values, error);
	pipeline_normalize(&normal, pipeline, text, strlen(text));
	if (normal.failed)
		status = error_memory(error);
	else
		status =
		    pieces_add(&pipeline->normalized_tokens, normal.bytes, normal.size, &values, error);
	buffer_free(&normal);
	return status;
}

/* ---- the walk ------------------------------------------------------------------------------- */

/* A member of an object that is kept where it stands, and not as a part of the tree. */
struct large_member {
	const char *key;
	const char **text;
	size_t *size;
};

/* Steps through an object: the large members are found, all others become *rest. */
static clipcls_status walk_object(json **rest, struct json_walk *walk,
                                  const struct large_member *large, size_t n)
{
	struct buffer key = { 0 }, text = { 0 };
	bool first = true;
	buffer_byte(&text, '{');
	json_walk_expect(walk, '{');
	while (walk->status == CLIPCLS_OK && json_walk_more(walk, &first, '}')) {
		const char *value;
		size_t size, i = 0;
		json_walk_string(walk, &key);
		json_walk_expect(walk, ':');
		json_walk_value(walk, &value, &size);
		if (walk->status != CLIPCLS_OK)
			break;
		while (i < n &&
		       (key.size != strlen(large[i].key) || memcmp(key.bytes, large[i].key, key.size) != 0))
			i++;
		if (i == n) {
			if (text.size > 1)
				buffer_byte(&text, ',');
			json_write_string(&text, key.bytes, key.size);
			buffer_byte(&text, ':');
			buffer_append(&text, value, size);
		} else if (*large[i].text != NULL) {
			json_walk_fail(walk, "a key stands twice");
		} else {
			*large[i].text = value;
			*large[i].size = size;
		}
	}
	json_walk_end(walk);
	buffer_byte(&text, '}');
	if (walk->status == CLIPCLS_OK)
		walk->status = text.failed
		                   ? error_memory(walk->error)
		                   : json_parse(rest, text.bytes, text.size, walk->name, walk->error);
	buffer_free(&key);
	buffer_free(&text);
	return walk->status;
}

static clipcls_status walk_document(struct pipeline_reader *reader)
{
	const char *model = NULL;
	size_t model_size = 0;
	const struct large_member outer[] = { { "model", &model, &model_size } };
	const struct large_member inner[] = { { "vocab", &reader->vocab, &reader->vocab_size },
		                                  { "merges", &reader->merges, &reader->merges_size } };
	struct json_walk walk = reader->walk;
	clipcls_status status = walk_object(&reader->document, &walk, outer, 1);
	if (status != CLIPCLS_OK)
		return status;
	if (model == NULL)
		return pipeline_broken(reader, "there is no \"model\"");
	walk.at = model;
	walk.end = model + model_size;
	status = walk_object(&reader->model, &walk, inner, 2);
	if (status == CLIPCLS_OK && reader->vocab == NULL)
		status = pipeline_broken(reader, "the model has no \"vocab\"");
	return status;
}

/* Old files of BERT have no type. */
static clipcls_status find_kind(struct pipeline_reader *reader, enum tokenizer_kind kind)
{
	const json *type = json_get(reader->model, "type");
	const char *name = json_string(type, "");
	struct pipeline *pipeline = reader->pipeline;
	if (kind == TOKENIZER_WORDPIECE) {
		pipeline->model = PIPELINE_WORDPIECE;
		return type == NULL || strcmp(name, "WordPiece") == 0
		           ? CLIPCLS_OK
		           : pipeline_refuse(reader, "model type", type);
	}
	pipeline->model = strcmp(name, "Unigram") == 0 ? PIPELINE_UNIGRAM : PIPELINE_BPE;
	if (pipeline->model == PIPELINE_BPE && strcmp(name, "BPE") != 0)
		return pipeline_refuse(reader, "model type", type);
	return CLIPCLS_OK;
}

clipcls_status pipeline_read_json(struct pipeline *pipeline, const struct tokenizer_files *files,
                                  enum tokenizer_kind kind, size_t vocab_size, clipcls_error *error)
{
	const char *text = files->tokenizer_json;
	struct pipeline_reader reader = {
		.pipeline = pipeline,
		.name = files->path,
		.walk = { .start = text,
		          .at = text,
		          .end = text + files->tokenizer_json_size,
		          .name = files->path,
		          .error = error },
		/* A file with fewer bytes than ids leaves ids out: no reference writes such. */
		.id_limit = size_min(size_max(vocab_size, files->tokenizer_json_size), INT32_MAX),
		.error = error,
	};
	clipcls_status status = walk_document(&reader);
	if (status == CLIPCLS_OK)
		status = find_kind(&reader, kind);
	if (status == CLIPCLS_OK)
		status = pipeline_read_model(&reader);
	if (status == CLIPCLS_OK)
		status = pipeline_read_parts(&reader);
	json_free(reader.document);
	json_free(reader.model);
	return status;
}

/* ---- vocab.txt ------------------------------------------------------------------------------ */

/* White space at a line's end is not part of its token. */
static size_t trimmed(const char *line, size_t n)
{
	size_t end = 0;
	uint32_t c;
	for (size_t i = 0; i < n;) {
		size_t length = utf8_decode(&c, line + i, n - i);
		i += length > 0 ? length : 1;
		if (length == 0 || !unicode_is_space(c))
			end = i;
	}
	return end;
}

static clipcls_status read_lines(struct wordpiece *wordpiece, const char *text, size_t n,
                                 clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	struct piece piece = { 0 };
	for (size_t i = 0; i < n && status == CLIPCLS_OK; piece.id++) {
		const char *end = memchr(text + i, '\n', n - i);
		size_t line = end != NULL ? (size_t)(end - text) - i : n - i;
		size_t length = trimmed(text + i, line);
		if (length > 0)
			status = pieces_add(&wordpiece->pieces, text + i, length, &piece, error);
		i += line + 1;
	}
	return status;
}

static clipcls_status add_bert_tokens(struct pipeline *pipeline, const char *name,
                                      clipcls_error *error)
{
	static const char *const tokens[] = { "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]" };
	int32_t ids[5];
	clipcls_status status = CLIPCLS_OK;
	for (size_t i = 0; i < 5 && status == CLIPCLS_OK; i++) {
		const struct piece *piece =
		    pieces_find(&pipeline->wordpiece.pieces, tokens[i], strlen(tokens[i]));
		if (piece == NULL)
			return error_set(error, CLIPCLS_ERR_FORMAT, "%s: lacks the token \"%s\"", name,
			                 tokens[i]);
		ids[i] = piece->id;
		status = pipeline_add_token(pipeline, tokens[i], ids[i], 0, false, error);
	}
	pipeline->wordpiece.unk_id = ids[0];
	pipeline->before[pipeline->n_before++] = ids[1];
	pipeline->after[pipeline->n_after++] = ids[2];
	return status;
}

clipcls_status pipeline_read_vocab_txt(struct pipeline *pipeline,
                                       const struct tokenizer_files *files, clipcls_error *error)
{
	struct wordpiece *wordpiece = &pipeline->wordpiece;
	const size_t bytes_per_line = 8;
	pipeline->model = PIPELINE_WORDPIECE;
	pipeline->bert = (struct wordpiece_normalizer){ true, true, true, true };
	strcpy(wordpiece->prefix, "##");
	wordpiece->max_word = 100;
	if (files->vocab_txt_size >= INT32_MAX)
		return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "%s: not supported: 2 GiB of vocabulary",
		                 files->path);
	clipcls_status status =
	    pieces_init(&wordpiece->pieces, files->vocab_txt_size / bytes_per_line, files->path, error);
	if (status == CLIPCLS_OK)
		status = pieces_init(&pipeline->raw_tokens, 0, files->path, error);
	if (status == CLIPCLS_OK)
		status = read_lines(wordpiece, files->vocab_txt, files->vocab_txt_size, error);
	if (status == CLIPCLS_OK)
		status = add_bert_tokens(pipeline, files->path, error);
	return status;
}
