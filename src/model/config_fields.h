/* A part of a config as a table: where each value lies, what it is called in a single file, and
 * which values it may take. A single file's config is written, read and checked by these tables. */
#ifndef CLIPCLS_MODEL_CONFIG_FIELDS_H
#define CLIPCLS_MODEL_CONFIG_FIELDS_H

#include "base/buffer.h"
#include "model/config_reader.h"

enum field_kind {
	FIELD_SIZE,   /* size_t, from 1 (where optional: 0) up to `limit` */
	FIELD_SIZES,  /* struct size_list of these */
	FIELD_ID,     /* int32_t, from 0 up */
	FIELD_NUMBER, /* double */
	FIELD_BOOL,   /* bool */
	FIELD_WORD,   /* an enum, whose words are `words` */
	FIELD_TRIPLE, /* double[3] */
	FIELD_COLOR   /* uint8_t[3] */
};

/* Far above any tower, and small enough that products of two sizes fit. */
#define SIZE_LIMIT ((size_t)1 << 31)
/* A picture is resized to this many pixels a side before any tensor can contradict it. */
#define PIXEL_SIZE_LIMIT ((size_t)16384)

struct config_field {
	const char *key;
	enum field_kind kind;
	size_t offset; /* in the structure of the part */
	const char *const *words;
	size_t limit; /* 0 = SIZE_LIMIT */
	/* Files of before the key was there have this value. */
	bool optional;
	size_t fallback;
};

struct config_fields {
	const struct config_field *items;
	size_t count;
};

/* Appends "key":value,... of all fields of the part. */
void config_fields_write(struct buffer *out, const struct config_fields *fields, const void *part);
/* Reads all fields from the reader's section. Whether it has other keys is config_fields_has's. */
void config_fields_read(void *part, const struct config_fields *fields,
                        struct config_reader *reader);
bool config_fields_has(const struct config_fields *fields, const char *key);
/* Whether all sizes are in range; `tower` is for messages: "image". */
clipcls_status config_fields_check(const struct config_fields *fields, const void *part,
                                   const char *tower, const char *path, clipcls_error *error);

/* Those of a struct transformer_config that is `member` of `type`. */
#define TRANSFORMER_FIELDS(type, member)                                                        \
	{ .key = "width", .kind = FIELD_SIZE, .offset = offsetof(type, member.width) },             \
	    { .key = "layers", .kind = FIELD_SIZE, .offset = offsetof(type, member.layers) },       \
	    { .key = "heads", .kind = FIELD_SIZE, .offset = offsetof(type, member.heads) },         \
	    { .key = "mlp_width", .kind = FIELD_SIZE, .offset = offsetof(type, member.mlp_width) }, \
	    { .key = "activation",                                                                  \
		  .kind = FIELD_WORD,                                                                   \
		  .offset = offsetof(type, member.activation),                                          \
		  .words = activation_words },                                                          \
	{                                                                                           \
		.key = "layer_norm_eps", .kind = FIELD_NUMBER,                                          \
		.offset = offsetof(type, member.layer_norm_eps)                                         \
	}

#endif
