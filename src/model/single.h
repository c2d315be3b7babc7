/* The project's own single file: its metadata, config and checksums. See docs/single-file.md. */
#ifndef CLIPCLS_MODEL_SINGLE_H
#define CLIPCLS_MODEL_SINGLE_H

#include "base/buffer.h"
#include "model/config.h"
#include "model/safetensors.h"

#define SINGLE_FORMAT "clipcls"
#define SINGLE_VERSION_ROWS "1"   /* linear weights row-major */
#define SINGLE_VERSION_BLOCKS "2" /* linear weights of the transformer blocks in blocks */
#define SINGLE_VERSION_INT8 "3"   /* the same weights in int8 with scales */

#define SINGLE_CLASSES "classes"
#define SINGLE_VOCAB "tokenizer.vocab"
#define SINGLE_MERGES "tokenizer.merges"
#define SINGLE_TOKENIZER_JSON "tokenizer.json"
#define SINGLE_SPIECE "tokenizer.spiece"
#define SINGLE_VOCAB_TXT "tokenizer.vocab_txt"

/* The key of the config's own checksum; no tensor can be called so. */
#define SINGLE_CONFIG_CHECKSUM "__config__"
#define SINGLE_CHECKSUM_SIZE 22 /* "xxh3:", 16 digits, NUL */

/* Of a tensor's name, dtype, shape and data. */
uint64_t single_tensor_checksum(const struct safetensors_tensor *tensor);
uint64_t single_config_checksum(const char *config);
void single_checksum_text(char out[SINGLE_CHECKSUM_SIZE], uint64_t checksum);
/* False unless the text is exactly what single_checksum_text writes. */
bool single_checksum_parse(uint64_t *out, const char *text);

/* Appends the config as one line of JSON with every value. */
void single_config_write(struct buffer *out, const struct model_config *config);
/* Reads it back: every key must be there and none beside them. */
clipcls_status single_config_read(struct model_config *out, const char *text, const char *path,
                                  clipcls_error *error);

#endif
