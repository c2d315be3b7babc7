/* What the readers of a tokenizer.json share. */
#ifndef CLIPCLS_TEXT_PIPELINE_READ_H
#define CLIPCLS_TEXT_PIPELINE_READ_H

#include "base/json.h"
#include "text/json_walk.h"
#include "text/pipeline.h"

struct pipeline_reader {
	struct pipeline *pipeline;
	const char *name; /* of the file */
	json *document;   /* all but "model" */
	json *model;      /* all but "vocab" and "merges" */
	/* Where they stand; NULL = nowhere. */
	struct json_walk walk;
	const char *vocab, *merges;
	size_t vocab_size, merges_size;
	size_t id_limit; /* no id is that large */
	clipcls_error *error;
};

/* CLIPCLS_ERR_UNSUPPORTED: "file: not supported: what VALUE". */
clipcls_status pipeline_refuse(const struct pipeline_reader *reader, const char *what,
                               const json *value);
/* CLIPCLS_ERR_FORMAT: "file: what". */
clipcls_status pipeline_broken(const struct pipeline_reader *reader, const char *what);

/* pipeline->model is known: the vocabulary and what goes with it, from "model". */
clipcls_status pipeline_read_model(struct pipeline_reader *reader);
/* The other members of the document. */
clipcls_status pipeline_read_parts(struct pipeline_reader *reader);

/* Adds an added token; flags: ADDED_ in pipeline.h. */
clipcls_status pipeline_add_token(struct pipeline *pipeline, const char *text, int32_t id,
                                  uint32_t flags, bool normalized, clipcls_error *error);

#endif
