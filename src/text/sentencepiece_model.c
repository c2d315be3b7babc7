#include "text/sentencepiece_model.h"

#include "base/checked.h"
#include "base/float_bits.h"
#include "base/utf8.h"
#include "text/protobuf.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A piece takes at least this much of a file, typically. */
#define BYTES_PER_PIECE 16

#define SPACE_SYMBOL "\xe2\x96\x81" /* U+2581 */

/* Numbers of fields and values in sentencepiece_model.proto. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_MODEL_TYPE = 3, TRAINER_SUFFIX = 24, TRAINER_BYTE_FALLBACK = 35 };
enum {
	NORMALIZER_CHARSMAP = 2,
	NORMALIZER_PREFIX = 3,
	NORMALIZER_EXTRA = 4,
	NORMALIZER_ESCAPE = 5
};
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER_DEFINED, TYPE_UNUSED, TYPE_BYTE };
enum { MODEL_TYPE_UNIGRAM = 1 };

struct reader {
	struct sentencepiece_model *model;
	const char *name;
	const char *charsmap; /* as it stands in the file */
	size_t charsmap_size;
	uint64_t model_type;
	bool suffix;
	clipcls_error *error;
};

static clipcls_status broken(const struct reader *reader)
{
	return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: is no SentencePiece model",
	                 reader->name);
}

static clipcls_status add_piece(struct reader *reader, const char *text, size_t n, float score,
                                uint64_t type)
{
	struct unigram *unigram = &reader->model->unigram;
	struct piece piece = { .id = (int32_t)unigram->pieces.count, .score = (double)score };
	if (type < TYPE_NORMAL || type > TYPE_BYTE || !isfinite(score))
		return error_set(reader->error, CLIPCLS_ERR_FORMAT,
		                 "%s: piece %d has a type or a score that makes no sense", reader->name,
		                 (int)piece.id);
	if (type == TYPE_UNKNOWN && unigram->unk_id >= 0)
		return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: two pieces are the unknown one",
		                 reader->name);
	if (unigram->pieces.count >= INT32_MAX)
		return broken(reader);
	switch (type) {
	case TYPE_NORMAL:
		unigram->min_score = fmin(unigram->min_score, piece.score);
		unigram->max_score = fmax(unigram->max_score, piece.score);
		break;
	case TYPE_USER_DEFINED: piece.flags = UNIGRAM_USER_DEFINED; break;
	case TYPE_UNKNOWN: unigram->unk_id = piece.id; /* fall through */
	default: piece.flags = UNIGRAM_HIDDEN; break;
	}
	clipcls_status status = pieces_add(&unigram->pieces, text, n, &piece, reader->error);
	if (status == CLIPCLS_OK && type == TYPE_USER_DEFINED)
		status = pieces_add(&reader->model->user_defined, text, n, &piece, reader->error);
	return status;
}

static clipcls_status read_piece(struct reader *reader, const struct protobuf_field *whole)
{
	struct protobuf message = { .at = whole->bytes, .end = whole->bytes + whole->size };
	struct protobuf_field field;
	const char *text = "";
	size_t n = 0;
	float score = 0;
	uint64_t type = TYPE_NORMAL;
	while (protobuf_next(&message, &field)) {
		if (field.number == PIECE_TEXT && field.type == PROTOBUF_BYTES) {
			text = field.bytes;
			n = field.size;
		} else if (field.number == PIECE_SCORE && field.type == PROTOBUF_32) {
			score = float_from_bits((uint32_t)field.value);
		} else if (field.number == PIECE_TYPE && field.type == PROTOBUF_VARINT) {
			type = field.value;
		}
	}
	return message.broken ? broken(reader) : add_piece(reader, text, n, score, type);
}

static clipcls_status read_trainer(struct reader *reader, const struct protobuf_field *whole)
{
	struct protobuf message = { .at = whole->bytes, .end = whole->bytes + whole->size };
	struct protobuf_field field;
	while (protobuf_next(&message, &field)) {
		if (field.type != PROTOBUF_VARINT)
			continue;
		switch (field.number) {
		case TRAINER_MODEL_TYPE: reader->model_type = field.value; break;
		case TRAINER_SUFFIX: reader->suffix = field.value != 0; break;
		case TRAINER_BYTE_FALLBACK: reader->model->unigram.byte_fallback = field.value != 0; break;
		default: break;
		}
	}
	return message.broken ? broken(reader) : CLIPCLS_OK;
}

static clipcls_status read_normalizer(struct reader *reader, const struct protobuf_field *whole)
{
	struct protobuf message = { .at = whole->bytes, .end = whole->bytes + whole->size };
	struct protobuf_field field;
	struct sentencepiece_model *model = reader->model;
	while (protobuf_next(&message, &field)) {
		bool on = field.type == PROTOBUF_VARINT && field.value != 0;
		if (field.number == NORMALIZER_CHARSMAP && field.type == PROTOBUF_BYTES) {
			reader->charsmap = field.bytes;
			reader->charsmap_size = field.size;
		} else if (field.number == NORMALIZER_PREFIX) {
			model->add_dummy_prefix = on;
		} else if (field.number == NORMALIZER_EXTRA) {
			model->remove_extra_whitespaces = on;
		} else if (field.number == NORMALIZER_ESCAPE) {
			model->escape_whitespaces = on;
		}
	}
	return message.broken ? broken(reader) : CLIPCLS_OK;
}

static clipcls_status read_message(struct reader *reader, const char *bytes, size_t size)
{
	struct protobuf message = { .at = bytes, .end = bytes + size };
	struct protobuf_field field;
	clipcls_status status = CLIPCLS_OK;
	while (status == CLIPCLS_OK && protobuf_next(&message, &field)) {
		if (field.type != PROTOBUF_BYTES)
			continue;
		switch (field.number) {
		case MODEL_PIECES: status = read_piece(reader, &field); break;
		case MODEL_TRAINER: status = read_trainer(reader, &field); break;
		case MODEL_NORMALIZER: status = read_normalizer(reader, &field); break;
		default: break;
		}
	}
	return status == CLIPCLS_OK && message.broken ? broken(reader) : status;
}

static clipcls_status check(const struct reader *reader)
{
	struct unigram *unigram = &reader->model->unigram;
	if (unigram->pieces.count == 0)
		return broken(reader);
	if (reader->model_type != MODEL_TYPE_UNIGRAM)
		return error_set(reader->error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: not supported: trainer_spec.model_type %llu; only unigram (1) is",
		                 reader->name, (unsigned long long)reader->model_type);
	if (reader->suffix)
		return error_set(reader->error, CLIPCLS_ERR_UNSUPPORTED,
		                 "%s: not supported: trainer_spec.treat_whitespace_as_suffix",
		                 reader->name);
	if (unigram->unk_id < 0)
		return error_set(reader->error, CLIPCLS_ERR_FORMAT, "%s: no piece is the unknown one",
		                 reader->name);
	bool byte_fallback = unigram->byte_fallback;
	if (byte_fallback)
		unigram_find_bytes(unigram);
	if (byte_fallback != unigram->byte_fallback)
		return error_set(reader->error, CLIPCLS_ERR_FORMAT,
		                 "%s: byte_fallback without pieces for all bytes", reader->name);
	return CLIPCLS_OK;
}

clipcls_status sentencepiece_model_read(struct sentencepiece_model *out, const char *bytes,
                                        size_t size, const char *name, clipcls_error *error)
{
	struct reader reader = {
		.model = out, .name = name, .model_type = MODEL_TYPE_UNIGRAM, .error = error
	};
	*out = (struct sentencepiece_model){ .add_dummy_prefix = true,
		                                 .remove_extra_whitespaces = true,
		                                 .escape_whitespaces = true };
	/* SentencePiece starts the largest score at the smallest normal number, which is above zero. */
	out->unigram.min_score = (double)FLT_MAX;
	out->unigram.max_score = (double)FLT_MIN;
	out->unigram.unk_id = -1;
	out->unigram.is_sentencepiece = true;
	clipcls_status status = pieces_init(&out->unigram.pieces, size / BYTES_PER_PIECE, name, error);
	if (status == CLIPCLS_OK)
		status = pieces_init(&out->user_defined, 0, name, error);
	if (status == CLIPCLS_OK)
		status = read_message(&reader, bytes, size);
	if (status == CLIPCLS_OK)
		status = check(&reader);
	if (status == CLIPCLS_OK && reader.charsmap_size > 0)
		status = charsmap_new(&out->charsmap, reader.charsmap, reader.charsmap_size, name, error);
	if (status != CLIPCLS_OK)
		sentencepiece_model_free(out);
	return status;
}

void sentencepiece_model_free(struct sentencepiece_model *model)
{
	unigram_free(&model->unigram);
	pieces_free(&model->user_defined);
	charsmap_free(model->charsmap);
	model->charsmap = NULL;
}

/* ---- normalization -------------------------------------------------------------------------- */

/* What the start of text[0..n), n > 0, becomes: *out[0..*n_out). Returns the bytes it stands for.
 */
static size_t normalize_prefix(const char **out, size_t *n_out,
                               const struct sentencepiece_model *model, const char *text, size_t n)
{
	struct charsmap_match match;
	uint32_t c;
	const struct piece *piece = pieces_longest(&model->user_defined, text, n);
	if (piece == NULL && model->charsmap != NULL &&
	    charsmap_longest(&match, model->charsmap, text, n)) {
		*out = match.text;
		*n_out = strlen(match.text);
		return match.length;
	}
	*out = text;
	*n_out = piece != NULL ? piece->length : utf8_decode(&c, text, n);
	return *n_out;
}

static bool ends_with(const struct buffer *buffer, size_t start, const char *end)
{
	size_t n = strlen(end);
	return buffer->size - start >= n && memcmp(buffer->bytes + buffer->size - n, end, n) == 0;
}

void sentencepiece_normalize(struct buffer *out, const struct sentencepiece_model *model,
                             const char *text, size_t n)
{
	const char *space = model->escape_whitespaces ? SPACE_SYMBOL : " ";
	const char *part;
	size_t n_part, i = 0, start = out->size;
	while (model->remove_extra_whitespaces && i < n) {
		size_t length = normalize_prefix(&part, &n_part, model, text + i, n - i);
		if (n_part != 1 || *part != ' ')
			break;
		i += length;
	}
	if (i == n)
		return;
	if (model->add_dummy_prefix)
		buffer_text(out, space);
	bool after_space = model->remove_extra_whitespaces;
	while (i < n) {
		i += normalize_prefix(&part, &n_part, model, text + i, n - i);
		while (after_space && n_part > 0 && *part == ' ') {
			part++;
			n_part--;
		}
		for (size_t k = 0; k < n_part; k++) {
			if (part[k] == ' ')
				buffer_text(out, space);
			else
				buffer_byte(out, part[k]);
		}
		if (n_part > 0)
			after_space = model->remove_extra_whitespaces && part[n_part - 1] == ' ';
	}
	while (model->remove_extra_whitespaces && !out->failed && ends_with(out, start, space))
		out->size -= strlen(space);
}
