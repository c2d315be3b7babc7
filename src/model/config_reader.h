/* Reading values out of a JSON config: typed, with a default, and with an error that names the file
 * and the key. The first error sticks, so that a layout reads all its keys and asks once. */
#ifndef CLIPCLS_MODEL_CONFIG_READER_H
#define CLIPCLS_MODEL_CONFIG_READER_H

#include "base/error.h"
#include "base/json.h"
#include "model/config.h"

struct config_reader {
	const char *path;    /* of the file, for messages */
	const char *section; /* "vision_config.", for messages; "" at the top */
	const json *object;  /* the section; NULL reads as empty */
	clipcls_error *error;
	clipcls_status status;
};

/* A reader for the object under `key`; absent or null reads as empty. `section` names it. A failed
 * parent gives a failed child; after use the child's status goes back with config_leave. */
struct config_reader config_enter(struct config_reader *parent, const char *key,
                                  const char *section);
void config_leave(struct config_reader *parent, const struct config_reader *child);

/* NULL for a key that is absent or null. */
const json *config_get(const struct config_reader *reader, const char *key);

/* The value, or `fallback` where the key is absent or null; a value of another type is an error. */
size_t config_size(struct config_reader *reader, const char *key, size_t fallback);
/* The id of a token; one beyond 31 bits is CLIPCLS_ERR_UNSUPPORTED. */
int32_t config_id(struct config_reader *reader, const char *key, size_t fallback);
double config_number(struct config_reader *reader, const char *key, double fallback);
bool config_bool(struct config_reader *reader, const char *key, bool fallback);
const char *config_string(struct config_reader *reader, const char *key, const char *fallback);
/* A number, or a list of two equal ones. Different ones are CLIPCLS_ERR_UNSUPPORTED. */
size_t config_square(struct config_reader *reader, const char *key, size_t fallback);
/* A list of three numbers, or one number for all three; out keeps its values where absent. */
void config_triple(struct config_reader *reader, const char *key, double out[3]);
/* A list of whole numbers, SIZE_LIST_LIMIT at most; out keeps its values where absent. */
void config_sizes(struct config_reader *reader, const char *key, struct size_list *out);
/* The same as config_triple of a colour: whole numbers from 0 to 255; black where absent. */
void config_color(struct config_reader *reader, const char *key, uint8_t out[3]);
/* The place of the key's word among `words` (NULL ends them); another word is
 * CLIPCLS_ERR_UNSUPPORTED. */
size_t config_word(struct config_reader *reader, const char *key, const char *const *words,
                   size_t fallback);

/* Record "path: section.key what", unless an error is there already. */
void config_fail(struct config_reader *reader, clipcls_status status, const char *key,
                 const char *what);
/* Record that the key's value is of a kind that is not handled; the message shows the value. */
void config_unsupported(struct config_reader *reader, const char *key);

/* OpenAI's normalisation, the default of both references. */
extern const double openai_image_mean[3], openai_image_std[3];

#endif
