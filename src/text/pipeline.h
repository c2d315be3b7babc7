/* A tokenizer as a tokenizer.json of the tokenizers library describes it: added tokens, which are
 * cut out first, a normalizer, a pre-tokenizer, a model, and the tokens around what comes out. */
#ifndef CLIPCLS_TEXT_PIPELINE_H
#define CLIPCLS_TEXT_PIPELINE_H

#include "model/checkpoint.h"
#include "text/bpe_characters.h"
#include "text/charsmap.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

#define PIPELINE_AROUND_LIMIT 4

enum pipeline_model { PIPELINE_UNIGRAM, PIPELINE_BPE, PIPELINE_WORDPIECE };

/* flags of an added token */
enum { ADDED_LSTRIP = 1, ADDED_RSTRIP = 2 };

struct pipeline {
	enum pipeline_model model;
	struct unigram unigram; /* by the model: one of these three */
	struct bpe_characters bpe;
	struct wordpiece wordpiece;
	struct charsmap *charsmap;        /* unigram; NULL = none */
	struct wordpiece_normalizer bert; /* wordpiece */
	bool lower;                       /* bpe */
	struct pieces raw_tokens;         /* added ones, looked for in the text as it comes */
	struct pieces normalized_tokens;  /* the same in normalized text */
	int32_t before[PIPELINE_AROUND_LIMIT], after[PIPELINE_AROUND_LIMIT];
	size_t n_before, n_after;
	enum text_cleaning cleaning;
	bool strip_sep_token;
};

/* Readers; *pipeline is zero but for its last two members. On error the caller frees it.
 * Errors: CLIPCLS_ERR_FORMAT, _UNSUPPORTED ("not supported: " and the key), _MEMORY. */
clipcls_status pipeline_read_json(struct pipeline *pipeline, const struct tokenizer_files *files,
                                  enum tokenizer_kind kind, size_t vocab_size,
                                  clipcls_error *error);
/* BERT's vocab.txt: one token a line, uncased. */
clipcls_status pipeline_read_vocab_txt(struct pipeline *pipeline,
                                       const struct tokenizer_files *files, clipcls_error *error);
void pipeline_free(struct pipeline *pipeline);

/* Appends text normalized. */
void pipeline_normalize(struct buffer *out, const struct pipeline *pipeline, const char *text,
                        size_t n);

#endif
