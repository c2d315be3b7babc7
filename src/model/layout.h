/* A checkpoint while it is open, and the layouts that fill it. Internal to src/model. */
#ifndef CLIPCLS_MODEL_LAYOUT_H
#define CLIPCLS_MODEL_LAYOUT_H

#include "base/strmap.h"
#include "model/checkpoint.h"
#include "model/safetensors.h"
#include "model/tensors.h"

#define LAYOUT_CONFIG_LIMIT ((size_t)16 << 20)     /* bytes of a config file */
#define LAYOUT_TOKENIZER_LIMIT ((size_t)256 << 20) /* bytes of a tokenizer file */

struct checkpoint_tensor {
	struct tensor_spec spec;
	const struct safetensors_tensor *source;
	const struct safetensors_tensor *scales; /* of a TENSOR_QUANTIZED; else NULL */
	const float *floats;                     /* row-major; NULL until asked for */
	float *owned;                            /* what floats points to, unless that is the mapping */
	const float *blocks;                     /* TENSOR_BLOCKED: as stored; NULL until asked for */
	float *owned_blocks;                     /* what blocks points to, unless that is the mapping */
};

/* What the layouts fill in is marked with an L; the rest is the same for all. */
struct checkpoint {
	char *path;
	const char *layout;
	struct model_config config;       /* L */
	struct safetensors *weights;      /* L */
	struct tensor_naming naming;      /* L */
	struct tokenizer_files tokenizer; /* L */
	char *owned[4];                   /* L: what tokenizer points to, where it is not the mapping */
	const char *class_names;          /* L, with its size; NULL = none */
	size_t class_names_size;
	uint64_t *checksums; /* L: of each tensor in `weights`; NULL = the layout has none */
	bool *verified;      /* per tensor of `weights` */
	struct checkpoint_tensor *tensors;
	size_t count;
	struct strmap *by_name;
};

/* Each reads what lies under checkpoint->path. On an error the checkpoint is freed by the caller,
 * whatever was filled in. */
clipcls_status layout_huggingface_open(struct checkpoint *checkpoint, clipcls_error *error);
clipcls_status layout_openclip_open(struct checkpoint *checkpoint, clipcls_error *error);
/* checkpoint->weights is open already: from a file or from memory. */
clipcls_status layout_single_open(struct checkpoint *checkpoint, clipcls_error *error);
/* Whether a single file's tensor is one of the files that ride along. */
bool layout_single_is_file(const char *name);

/* Finds out the layout of a path, one of the three literals; a directory that holds weights only as
 * pickles is CLIPCLS_ERR_UNSUPPORTED, with what to do. */
clipcls_status layout_detect(const char **layout, const char *path, clipcls_error *error);

/* The first of these names, or of files that match the shell pattern, that is in the directory:
 * its path, allocated; *out is NULL when there is none. Names end with NULL. */
clipcls_status layout_find_file(char **out, const char *directory, const char *const *names,
                                const char *pattern, clipcls_error *error);

/* Reads the files of the tokenizer that the config (already read) calls for, where the directory
 * has them. CLIP: vocab.json + merges.txt, else tokenizer.json. SentencePiece: tokenizer.json, else
 * spiece.model, tokenizer.model or sentencepiece.bpe.model; SiglipTokenizer only the latter.
 * WordPiece: tokenizer.json, else vocab.txt. */
clipcls_status layout_read_tokenizer(struct checkpoint *checkpoint, clipcls_error *error);

#endif
