/* A SentencePiece model file (sentencepiece_model.proto): pieces with scores, and the normalizer.
 */
#ifndef CLIPCLS_TEXT_SENTENCEPIECE_MODEL_H
#define CLIPCLS_TEXT_SENTENCEPIECE_MODEL_H

#include "base/buffer.h"
#include "text/charsmap.h"
#include "text/unigram.h"

struct sentencepiece_model {
	struct unigram unigram;
	struct pieces user_defined; /* the same pieces again: the normalizer leaves them as they are */
	struct charsmap *charsmap;  /* NULL = none */
	bool add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
};

/* Reads one; bytes are borrowed for the call. Only unigram models.
 * Errors: CLIPCLS_ERR_FORMAT, _UNSUPPORTED, _MEMORY; messages start with `name`. */
clipcls_status sentencepiece_model_read(struct sentencepiece_model *out, const char *bytes,
                                        size_t size, const char *name, clipcls_error *error);
void sentencepiece_model_free(struct sentencepiece_model *model);

/* Appends text[0..n) (UTF-8) normalized; normalizer.cc of SentencePiece. */
void sentencepiece_normalize(struct buffer *out, const struct sentencepiece_model *model,
                             const char *text, size_t n);

#endif
