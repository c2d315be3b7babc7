/* One checkpoint, whatever its layout on disk: a config, tensors under the names of transformers'
 * CLIPModel, and the tokenizer's files. */
#ifndef CLIPCLS_MODEL_CHECKPOINT_H
#define CLIPCLS_MODEL_CHECKPOINT_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/pool.h"
#include "model/config.h"
#include "model/quantized.h"

#include <stdbool.h>

struct checkpoint;

/* Opens and validates: structure, config, and for every tensor that the config calls for its
 * presence, dtype and shape; a tensor beyond those is an error, too. No weight is read yet.
 * layout: "huggingface", "openclip", "single", or NULL = found out.
 * Errors: CLIPCLS_ERR_IO, _FORMAT, _UNSUPPORTED, _MEMORY; messages name file and tensor or key. */
clipcls_status checkpoint_open(struct checkpoint **out, const char *path, const char *layout,
                               clipcls_error *error);
/* The same for a single file's bytes in memory, which must outlive the checkpoint. */
clipcls_status checkpoint_open_memory(struct checkpoint **out, const void *bytes, size_t size,
                                      const char *name, clipcls_error *error);
void checkpoint_free(struct checkpoint *checkpoint);

const struct model_config *checkpoint_config(const struct checkpoint *checkpoint);
const char *checkpoint_path(const struct checkpoint *checkpoint);   /* as opened */
const char *checkpoint_layout(const struct checkpoint *checkpoint); /* "huggingface", ... */
/* "F32", ..., "mixed"; "I8" where the linear weights of the blocks are, whatever the rest. */
const char *checkpoint_dtype(const struct checkpoint *checkpoint);
size_t checkpoint_tensor_count(const struct checkpoint *checkpoint);
/* Elements of all tensors whose canonical name starts with `prefix`. */
size_t checkpoint_parameters(const struct checkpoint *checkpoint, const char *prefix);
uint64_t checkpoint_file_bytes(const struct checkpoint *checkpoint);

/* Appends bytes that are the same only for the same weights, config and tokenizer files: the
 * layout, the config with all defaults, each weights file's identity and header, hashes of the
 * tokenizer's files. Bytes in memory count by their header, whose checksums every tensor is held
 * against when it is first used. */
void checkpoint_identity(struct buffer *out, const struct checkpoint *checkpoint);
/* Whether the weights files are still what they were when they were opened. */
bool checkpoint_unchanged(const struct checkpoint *checkpoint);
/* Asked for after the weights were used and before what came of it is given out: CLIPCLS_ERR_IO,
 * naming the file, when one was cut short or written to since it was opened. */
clipcls_status checkpoint_intact(const struct checkpoint *checkpoint, clipcls_error *error);

/* The tokenizer's files, as bytes owned by the checkpoint; all NULL = CLIP's own vocabulary.
 * For TOKENIZER_CLIP either vocab + merges or tokenizer_json; for TOKENIZER_SENTENCEPIECE
 * tokenizer_json or spiece (a SentencePiece model); for TOKENIZER_WORDPIECE tokenizer_json or
 * vocab_txt. */
struct tokenizer_files {
	const char *vocab, *merges, *tokenizer_json, *spiece, *vocab_txt;
	size_t vocab_size, merges_size, tokenizer_json_size, spiece_size, vocab_txt_size; /* bytes */
	const char *path; /* what messages should name: the file, or the directory that has none */
};
const struct tokenizer_files *checkpoint_tokenizer_files(const struct checkpoint *checkpoint);

/* The checkpoint's own class names (one a line), where a single file carries them; else NULL. */
const char *checkpoint_class_names(const struct checkpoint *checkpoint, size_t *size);

/* One wanted tensor. *out becomes row-major F32: the mapping itself where it is that already, else
 * a converted copy that the checkpoint owns; valid until checkpoint_free. With `blocks`, a weight
 * that the file holds in blocks of 64 x 64 (docs/single-file.md) is given as these, in *blocks, and
 * *out becomes NULL; for any other tensor *blocks becomes NULL. With `quantized`, a weight that the
 * file holds in int8 is given as the mapping has it, in *quantized, and *out becomes NULL, too,
 * unless `dequantized` asks for the floats beside it; for any other tensor *quantized is empty. */
struct weight_request {
	const float **out, **blocks;
	struct quantized_weight *quantized;
	bool dequantized;
	char name[112]; /* canonical: "vision_model.encoder.layers.0.mlp.fc1.weight" */
};
/* Fetches n tensors, converting in parallel on `pool` (may be NULL); verifies the checksums of a
 * converted file. Asking for a tensor twice gives the same pointer. */
clipcls_status checkpoint_weights(struct checkpoint *checkpoint,
                                  const struct weight_request *requests, size_t n,
                                  struct pool *pool, clipcls_error *error);

/* Gives back the memory of all tensors whose name starts with `prefix`, in parallel on `pool` (may
 * be NULL). What checkpoint_weights and checkpoint_rows gave for them becomes invalid; they can be
 * fetched again. */
void checkpoint_release(struct checkpoint *checkpoint, const char *prefix, struct pool *pool);

/* Rows of a matrix that is read here and there and never as a whole: the token embeddings.
 * Opened once (its checksum is verified then); checkpoint_row converts one row to F32. */
struct weight_rows {
	const unsigned char *bytes;
	size_t rows, width;
	int dtype; /* enum dtype of model/dtype.h */
};
clipcls_status checkpoint_rows(struct checkpoint *checkpoint, struct weight_rows *out,
                               const char *name, clipcls_error *error);
/* out: (width). row < rows. */
void weight_rows_get(float *out, const struct weight_rows *rows, size_t row);

/* Writes `checkpoint` as a single file; see clipcls_convert. dtype: NULL = as stored.
 * A file classes.txt beside the source's config rides along as checkpoint_class_names. */
clipcls_status checkpoint_write(struct checkpoint *checkpoint, const char *path, const char *dtype,
                                clipcls_error *error);

/* Where a model of this name is: a path (allocated), or NULL in *path with CLIPCLS_ERR_IO and a
 * message that says where was looked. Order: existing path; $XDG_DATA_HOME/clipcls/models/NAME
 * (a directory, or NAME.safetensors); "org/name" in the Hugging Face cache (HF_HUB_CACHE, HF_HOME,
 * else XDG_CACHE_HOME/huggingface/hub): models--org--name/snapshots/<refs/main>. */
clipcls_status model_locate(char **path, const char *name, clipcls_error *error);

#endif
