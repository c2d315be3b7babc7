/** @mainpage libclipcls
 * clipcls: zero-shot image classification with contrastive dual encoders (CLIP).
 *
 * The one public header of libclipcls. From simple to explicit:
 *
 *     clipcls_error error;
 *     clipcls_model *model = NULL;
 *     clipcls_labels *labels = NULL;
 *     clipcls_classifier *classifier = NULL;
 *
 *     clipcls_model_open(&model, NULL, NULL, &error);           // the built-in model
 *     clipcls_labels_new(&labels, &error);
 *     clipcls_labels_add(labels, "cat", NULL, 0, &error);
 *     clipcls_labels_add(labels, "dog", NULL, 0, &error);
 *     clipcls_classifier_new(&classifier, model, labels, NULL, &error);
 *     clipcls_classify_files(classifier, NULL, next_path, print_record, &state, &error);
 *
 * Every function that can fail returns a clipcls_status and fills the clipcls_error it was given
 * (NULL is allowed). The library never prints and never exits; objects may be used from one thread
 * at a time, different models from different threads. Strings are UTF-8 unless they are paths,
 * which are bytes. Every *_free accepts NULL.
 *
 * The first file that is mapped installs a handler of SIGBUS: mapped weights and indexes that
 * another process cuts short become CLIPCLS_ERR_IO. What is about other memory goes to the handler
 * that was there before; a host that installs its own later hands on what it does not know.
 */
/** @file
 * The one public header. */
#ifndef CLIPCLS_H
#define CLIPCLS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version that this header belongs to. */
#define CLIPCLS_VERSION "0.1.0"

/* What the shared library exports. */
#if defined(_WIN32)
#define CLIPCLS_API
#else
#define CLIPCLS_API __attribute__((visibility("default")))
#endif

/* ---- status and errors ---------------------------------------------------------------------- */
/** @defgroup status Status and errors
 * @{ */

/** What became of a call or an input. */
typedef enum clipcls_status {
	CLIPCLS_OK = 0,          /**< it was done */
	CLIPCLS_ERR_ARGUMENT,    /**< the caller asked for something that makes no sense */
	CLIPCLS_ERR_MEMORY,      /**< an allocation failed */
	CLIPCLS_ERR_IO,          /**< a file could not be opened, read or written */
	CLIPCLS_ERR_FORMAT,      /**< a model, tokenizer, labels or templates file breaks its format */
	CLIPCLS_ERR_UNSUPPORTED, /**< well-formed, but of a kind that this build does not handle */
	CLIPCLS_ERR_DECODE,      /**< an image's bytes are damaged */
	CLIPCLS_ERR_LIMIT,       /**< an image is larger than the pixel limit */
	CLIPCLS_ERR_STOPPED      /**< a callback asked to stop */
} clipcls_status;

/** Why a call failed; filled by one that does. */
typedef struct clipcls_error {
	clipcls_status status; /**< what the call returned */
	char message[1024];    /**< one line; names the file, and the tensor, key or line where there is
	                          one */
} clipcls_error;

/** A short lower-case word for a status ("decode", "io", ...), as printed in records. */
CLIPCLS_API const char *clipcls_status_name(clipcls_status status);

/** @} */

/* ---- models --------------------------------------------------------------------------------- */
/** @defgroup models Models
 * @{ */

/** An open checkpoint with its threads. */
typedef struct clipcls_model clipcls_model;

/** How a model is opened. Zero-initialised = the defaults. */
typedef struct clipcls_model_options {
	size_t threads; /**< 0 = as many as the process may run on */
	size_t batch;   /**< pictures per forward pass and thread; 0 = chosen from the model's size */
	const char *layout;          /**< "huggingface", "openclip", "single", or NULL = found out */
	const char *cache_directory; /**< keeps label embeddings from one process to the next; made when
	                                missing; NULL = nothing is kept */
	const char *precision; /**< of the image tower: "f32", "bf16", "int8", "auto"; NULL = "f32" */
	const char *sandbox;   /**< where pictures are decoded: "none" = in this process; "auto" = in
	                          processes that can do nothing else, as far as the system has that;
	                          "require" = that, or opening fails. NULL = "none". The processes are
	                          forked when the model is opened and end with it. */
	double decode_seconds; /**< that a picture may take in a sandbox; 0 = 60 */
	size_t
	    decode_pixels; /**< of the largest picture that a sandbox has memory for; 0 = 178,956,970 */
} clipcls_model_options;

/** Opens a checkpoint. `name` is, in this order: an existing path (single file or directory), a
 * model downloaded under the XDG data directory, or "org/name" in the Hugging Face cache; NULL is
 * the model that is built into the library. `options` may be NULL. Towers are loaded when first
 * used. On error *out is NULL; a precision that this build or processor does not have is
 * CLIPCLS_ERR_UNSUPPORTED. */
CLIPCLS_API clipcls_status clipcls_model_open(clipcls_model **out, const char *name,
                                              const clipcls_model_options *options,
                                              clipcls_error *error);
/** Ends its threads and processes. What borrowed the model must be freed before. */
CLIPCLS_API void clipcls_model_free(clipcls_model *model);

/** What the image tower runs in: "f32", "bf16" or "int8", once it is loaded; before, "auto" is
 * "auto". */
CLIPCLS_API const char *clipcls_model_precision(const clipcls_model *model);

/** What protects this process from the pictures that it decodes: "none", or "processes, seccomp
 * (libseccomp 2.5.4), landlock, memory limit", as far as these are there. */
CLIPCLS_API const char *clipcls_model_sandbox(const clipcls_model *model);
/** Whether decoders can make no system call that they have no need of: what "require" asks for. */
CLIPCLS_API int clipcls_model_is_confined(const clipcls_model *model);

/** Where clipcls_model_open(name) would find a model: an allocated path. CLIPCLS_ERR_IO, with the
 * places looked at in the message, when it is nowhere. */
CLIPCLS_API clipcls_status clipcls_model_path(char **out, const char *name, clipcls_error *error);

/** The user's directory for caches, $XDG_CACHE_HOME/clipcls or ~/.cache/clipcls: an allocated path
 * for clipcls_model_options, which need not exist. *out is NULL when neither variable is set. */
CLIPCLS_API clipcls_status clipcls_cache_directory(char **out, clipcls_error *error);

/** One of a checkpoint's two towers. */
typedef struct clipcls_tower_info {
	size_t width;           /**< D, as the config of its family has it */
	size_t layers;          /**< blocks one after another */
	size_t heads;           /**< of attention; 0 where layers have none */
	size_t mlp_width;       /**< of the hidden layer of a block's MLP; 0 where layers have none */
	const char *activation; /**< "quick_gelu", "gelu", "gelu_pytorch_tanh", "relu", "silu" */
	double layer_norm_eps;  /**< or the batch norms' */
	size_t parameters;      /**< numbers in its weights */
} clipcls_tower_info;

/** What a checkpoint is. Strings belong to the model. Sizes in bytes. */
typedef struct clipcls_model_info {
	const char *path;   /**< "built-in model" for that one */
	const char *family; /**< "clip", "siglip", ... */
	const char *layout; /**< "huggingface", "openclip", "single" */
	const char *dtype;  /**< of the weights as stored: "F32", "F16", "BF16", or "mixed"; "I8" where
	                       the  linear weights of the transformer blocks are, whatever the rest */
	clipcls_tower_info vision; /**< the image tower */
	clipcls_tower_info text;   /**< the text tower */
	size_t image_size;         /**< S: the tower takes S x S pixels */
	size_t patch_size;         /**< 0 for a tower without patches */
	size_t context_length;     /**< tokens of a prompt at most */
	size_t vocab_size;         /**< token ids there are */
	size_t projection_dim;     /**< E, the length of an embedding */
	const char *resize_mode;   /**< "shortest", "squash", "longest" */
	const char *interpolation; /**< "bicubic", "bilinear" */
	double image_mean[3];      /**< red, green, blue, subtracted from pixels of 0 to 1 */
	double image_std[3];       /**< what is then divided by */
	double logit_scale;        /**< what similarities are multiplied with */
	double logit_bias;         /**< what is then added; 0 without one */
	int has_logit_bias;        /**< scores are sigmoids, each label's for itself */
	size_t tensors;            /**< in the checkpoint that the towers use */
	size_t parameters;         /**< numbers in all of these */
	uint64_t file_bytes;       /**< of its weights' files */
	uint64_t memory_bytes; /**< weights as held in memory, mapped ones included, while both towers
	                          are loaded */
} clipcls_model_info;

/** Fills *out, which borrows its strings from the model. Errors: of a tower that cannot be loaded.
 */
CLIPCLS_API clipcls_status clipcls_model_describe(clipcls_model *model, clipcls_model_info *out,
                                                  clipcls_error *error);

/** Length E of an embedding. */
CLIPCLS_API size_t clipcls_model_embedding_size(const clipcls_model *model);

/** A list of labels, each with prompts of its own or without. */
typedef struct clipcls_labels clipcls_labels;

/** The built-in model's own class names as labels; CLIPCLS_ERR_UNSUPPORTED for a model without. */
CLIPCLS_API clipcls_status clipcls_model_own_labels(clipcls_labels **out, clipcls_model *model,
                                                    clipcls_error *error);

/** Writes the checkpoint `source` (named as for clipcls_model_open) as one safetensors file.
 * dtype: "f32", "f16", "bf16", "int8" (the linear weights of the transformer blocks, everything
 * else as stored), or NULL = as stored. Replaces `path` only when all is written. */
CLIPCLS_API clipcls_status clipcls_convert(const char *source, const char *path, const char *dtype,
                                           const char *layout, clipcls_error *error);

/** @} */

/* ---- labels and templates ------------------------------------------------------------------- */
/** @defgroup labels Labels and templates
 * @{ */

/** An empty, growing list of labels. */
CLIPCLS_API clipcls_status clipcls_labels_new(clipcls_labels **out, clipcls_error *error);
/** Appends a label. With n_prompts > 0 these prompts are used as they are instead of the templates.
 * A label twice, an empty one, or invalid UTF-8 is CLIPCLS_ERR_FORMAT. */
CLIPCLS_API clipcls_status clipcls_labels_add(clipcls_labels *labels, const char *label,
                                              const char *const *prompts, size_t n_prompts,
                                              clipcls_error *error);
/** Appends the labels of a text file's bytes: one a line, or label<TAB>prompt<TAB>prompt...
 * `name` stands in error messages ("labels.txt:17: ..."). */
CLIPCLS_API clipcls_status clipcls_labels_add_text(clipcls_labels *labels, const char *bytes,
                                                   size_t size, const char *name,
                                                   clipcls_error *error);
/** Appends a built-in set: "imagenet1k". An unknown name is CLIPCLS_ERR_ARGUMENT. */
CLIPCLS_API clipcls_status clipcls_labels_add_set(clipcls_labels *labels, const char *set,
                                                  clipcls_error *error);
/** L, the length of the list. */
CLIPCLS_API size_t clipcls_labels_count(const clipcls_labels *labels);
/** index < count; owned by the list, UTF-8. */
CLIPCLS_API const char *clipcls_labels_text(const clipcls_labels *labels, size_t index);
/** What a built-in set calls the class: of imagenet1k its WordNet id, "n01440764". NULL elsewhere.
 */
CLIPCLS_API const char *clipcls_labels_id(const clipcls_labels *labels, size_t index);
/** How many prompts of its own a label has; 0 = the templates make them. */
CLIPCLS_API size_t clipcls_labels_prompt_count(const clipcls_labels *labels, size_t index);
/** No classifier that was made with the list may be in use. */
CLIPCLS_API void clipcls_labels_free(clipcls_labels *labels);
/** Name of the i-th built-in set, from 0; NULL past the end. */
CLIPCLS_API const char *clipcls_labels_set_name(size_t index);

/** Prompt templates, the ensemble of all of them being used. */
typedef struct clipcls_templates clipcls_templates;

/** An empty list of prompt templates. */
CLIPCLS_API clipcls_status clipcls_templates_new(clipcls_templates **out, clipcls_error *error);
/** Appends one template; it must hold "{}", which stands for the label. */
CLIPCLS_API clipcls_status clipcls_templates_add(clipcls_templates *templates, const char *text,
                                                 clipcls_error *error);
/** Appends the templates of a text file's bytes, one a line. */
CLIPCLS_API clipcls_status clipcls_templates_add_text(clipcls_templates *templates,
                                                      const char *bytes, size_t size,
                                                      const char *name, clipcls_error *error);
/** Appends a built-in set: "simple", "imagenet80", "openai7", "none". */
CLIPCLS_API clipcls_status clipcls_templates_add_set(clipcls_templates *templates, const char *set,
                                                     clipcls_error *error);
/** How many there are. */
CLIPCLS_API size_t clipcls_templates_count(const clipcls_templates *templates);
/** The template at a place, from 0, owned by the list; NULL past the end. */
CLIPCLS_API const char *clipcls_templates_text(const clipcls_templates *templates, size_t index);
/** What was made with the templates does not need them. */
CLIPCLS_API void clipcls_templates_free(clipcls_templates *templates);
/** Name of the i-th built-in set, from 0; NULL past the end. */
CLIPCLS_API const char *clipcls_templates_set_name(size_t index);

/** File name endings of pictures, lower case, without the dot, those of formats that are recognised
 * but not decoded included; NULL past the end. */
CLIPCLS_API const char *clipcls_image_extension(size_t index);

/** @} */

/* ---- classifying ---------------------------------------------------------------------------- */
/** @defgroup classifying Classifying
 * @{ */

/** Labels' embeddings by a model, ready to rank them for pictures. */
typedef struct clipcls_classifier clipcls_classifier;

/** Encodes every label through every template (NULL = "simple"): prompts' unit embeddings, their
 * mean, unit length again. Borrows model and labels, which must outlive it. */
CLIPCLS_API clipcls_status clipcls_classifier_new(clipcls_classifier **out, clipcls_model *model,
                                                  const clipcls_labels *labels,
                                                  const clipcls_templates *templates,
                                                  clipcls_error *error);
/** Frees the label embeddings; not the model, nor the labels. */
CLIPCLS_API void clipcls_classifier_free(clipcls_classifier *classifier);
/** Where a classifier's embeddings came from. They are the same to the last bit in each case. */
typedef enum clipcls_cache_state {
	CLIPCLS_CACHE_OFF,    /**< computed; the model was opened without a cache_directory */
	CLIPCLS_CACHE_HIT,    /**< read from the cache; the text tower was not opened */
	CLIPCLS_CACHE_STORED, /**< computed, and kept in the cache */
	CLIPCLS_CACHE_FAILED  /**< computed, and could not be kept */
} clipcls_cache_state;
/** *why (may be NULL): the reason for CLIPCLS_CACHE_FAILED, one line, owned by the classifier; ""
 * otherwise. */
CLIPCLS_API clipcls_cache_state clipcls_classifier_cache(const clipcls_classifier *classifier,
                                                         const char **why);
/** (L, E) label embeddings of unit length, or a probe's weight; row-major, owned by the classifier.
 */
CLIPCLS_API const float *clipcls_classifier_embeddings(const clipcls_classifier *classifier);

/** How one label fits a picture. */
typedef struct clipcls_result {
	size_t index;      /**< the label's place in the list */
	double similarity; /**< cosine; the logit where the classifier is a probe */
	double score; /**< softmax over all labels of logit_scale * cosine, or of the logits; with a
	                 logit bias the sigmoid of logit_scale * cosine + logit_bias */
} clipcls_result;

/** Ranks all labels for one embedding (E floats of unit length): by similarity, ties by index.
 * out: one clipcls_result per label. */
CLIPCLS_API void clipcls_classifier_rank(const clipcls_classifier *classifier,
                                         const float *embedding, clipcls_result *out);

#define CLIPCLS_THUMBNAIL_LIMIT 512 /**< the longer side of a thumbnail at most */

/** How a picture's bytes become pixels. Zero-initialised = the defaults. */
typedef struct clipcls_image_options {
	int ignore_exif;       /**< 1: do not apply the EXIF orientation */
	size_t max_pixels;     /**< 0 = 178,956,970 (Pillow's limit) */
	int has_background;    /**< 1: composite transparency on `background`; 0: drop alpha */
	uint8_t background[3]; /**< red, green, blue */
	int fast_decode; /**< 1: decode large JPEGs at 1/2, 1/4 or 1/8 of their size, at least twice
	                    the size they are resized to: faster, pixels differ a little. Without
	                    effect in builds without libjpeg-turbo, and on other formats. */
	size_t thumbnail_size; /**< the longer side of a small copy of the picture that comes with its
	                          record, at most CLIPCLS_THUMBNAIL_LIMIT; 0 = none */
} clipcls_image_options;

/** One picture: a file's path, or bytes in memory where `bytes` is not NULL. */
typedef struct clipcls_input {
	const char *path;  /**< of the file; with bytes, what the record and its messages call them */
	const void *bytes; /**< a picture's file in memory, borrowed; NULL = read path */
	size_t size;       /**< of bytes */
} clipcls_input;

/** What became of one input. Valid during the callback. */
typedef struct clipcls_record {
	size_t index;                  /**< of the input, from 0; records come in this order */
	const char *path;              /**< as given */
	clipcls_status status;         /**< CLIPCLS_OK, or why there is no embedding */
	const char *message;           /**< the reason, without the path; "" when CLIPCLS_OK */
	const float *embedding;        /**< (E), unit length; NULL on error */
	const clipcls_result *results; /**< (L), ranked; NULL on error or without a classifier */
	/** The bytes of a JPEG file: the whole picture, upright, reduced to thumbnail_size,
	 * transparency on the background or on a checkerboard. NULL on error or where none was asked
	 * for. Whatever the picture holds, the file is one that this library made. */
	const void *thumbnail;
	size_t thumbnail_bytes;  /**< of the JPEG file */
	size_t thumbnail_width;  /**< in pixels */
	size_t thumbnail_height; /**< in pixels */
} clipcls_record;

/** What a source of inputs says. */
enum {
	CLIPCLS_NEXT_END = 0,   /**< there is no more */
	CLIPCLS_NEXT_GIVEN = 1, /**< one was given */
	CLIPCLS_NEXT_LATER = 2  /**< none is there yet: the records of those given so far come first */
};
/** Gives the next input; returns one of the above. What it points to must stay valid until the
 * input's record has been delivered. CLIPCLS_NEXT_LATER is for sources that may wait, such as a
 * pipe; it must not be returned when every input that was given has had its record: then the
 * function waits. */
typedef int (*clipcls_next_fn)(void *user, clipcls_input *out);
/** Takes one record; anything but 0 stops the run with CLIPCLS_ERR_STOPPED. */
typedef int (*clipcls_record_fn)(void *user, const clipcls_record *record);

/** Runs all inputs through the image tower: exactly one record each, in input order. A bad input is
 * a record with a status; the run goes on. Memory does not grow with the number of inputs. */
CLIPCLS_API clipcls_status clipcls_embed_files(clipcls_model *model,
                                               const clipcls_image_options *options,
                                               clipcls_next_fn next, clipcls_record_fn record,
                                               void *user, clipcls_error *error);
/** The same, with every label ranked in each record. */
CLIPCLS_API clipcls_status clipcls_classify_files(clipcls_classifier *classifier,
                                                  const clipcls_image_options *options,
                                                  clipcls_next_fn next, clipcls_record_fn record,
                                                  void *user, clipcls_error *error);

/** @} */

/* ---- explaining ----------------------------------------------------------------------------- */
/** @defgroup explaining Explaining
 * @{ */

/** Which parts of a picture spoke for a label, found by covering them: Zeiler and Fergus 2014,
 * "Visualizing and Understanding Convolutional Networks", section 4.2.
 *
 * The square that the image tower sees is a grid of cells: the patches of a tower that has some,
 * several by several where they are many, never more than 14 a side. Square windows of three
 * eighths of its side are covered one after the other with the picture's mean colour, at every cell
 * where they fit. What a window is worth is how far the label's log-odds, log p - log(1 - p), fall;
 * what a cell is worth is the mean of the windows over it, and its heat is that less the median
 * cell's. With sigmoids, and with one label alone, the label's logit stands for its log-odds. */
typedef struct clipcls_explanation {
	size_t label;      /**< its place in the list */
	double score;      /**< its own, as of clipcls_result */
	double similarity; /**< its own, as of clipcls_result */
	double log_odds;   /**< of the whole picture */
	size_t rows;       /**< of cells */
	size_t columns;    /**< of cells */
	const float *heat; /**< (rows, columns), row-major, in log-odds; negative: more than elsewhere
	                      speaks against the label */
	double baseline;   /**< what the median cell is worth, in log-odds */
	double cell;       /**< a cell's side, in sides of the square; the last ones may be cut */
	double max_heat;   /**< the largest in `heat` */
	size_t passes;     /**< pictures that went through the image tower */
	const unsigned char *picture; /**< (height, width, 3) RGB: the upright picture, reduced */
	size_t width;                 /**< of that, CLIPCLS_THUMBNAIL_LIMIT at most */
	size_t height;                /**< of that, CLIPCLS_THUMBNAIL_LIMIT at most */
	/** Where in the picture the square begins, in the picture's widths; below 0 and above 1 lies
	 * what preprocessing pads. */
	double left;
	double top;    /**< the same in its heights */
	double right;  /**< where the square ends */
	double bottom; /**< where the square ends */
} clipcls_explanation;

/** Explains one label of one picture. label: its place; NULL = the picture's first label.
 * options: as for the classifying of files; a thumbnail_size of 0 means CLIPCLS_THUMBNAIL_LIMIT.
 * May be called from a clipcls_record_fn. The result depends neither on threads nor on batches.
 * Errors: of the picture, as of its record and without its path, CLIPCLS_ERR_ARGUMENT, _MEMORY, or
 * as of the model's weights; *out is NULL then. */
CLIPCLS_API clipcls_status clipcls_explain(clipcls_explanation **out,
                                           clipcls_classifier *classifier,
                                           const clipcls_input *input,
                                           const clipcls_image_options *options,
                                           const size_t *label, clipcls_error *error);
/** What is in it goes with it. */
CLIPCLS_API void clipcls_explanation_free(clipcls_explanation *explanation);

/** Writes a PNG file: the picture in grey, red where cells speak for the label and blue where they
 * speak against it, what the tower does not see faded. Full colour is the largest heat of either
 * sign, or 0.5 where that is less. Texts in it: Label, Score, Similarity, Max heat. label: as it is
 * to be called, UTF-8. Replaces `path` only when all is written. Errors: CLIPCLS_ERR_IO, _MEMORY,
 * _UNSUPPORTED in a build with neither libspng nor libpng. */
CLIPCLS_API clipcls_status clipcls_explanation_save(const clipcls_explanation *explanation,
                                                    const char *label, const char *path,
                                                    clipcls_error *error);

/** @} */

/* ---- few-shot probes ------------------------------------------------------------------------ */
/** @defgroup probes Few-shot probes
 * @{ */

/** A linear classifier on a model's image embeddings, learned from some pictures of each class. */
typedef struct clipcls_probe clipcls_probe;

/** A good C for embeddings of unit length and 1 to 16 pictures of each class (docs/probes.md). */
#define CLIPCLS_PROBE_C 10

/** Logistic regression with an L2 penalty on the weights and none on the bias, to the minimum of
 * C * (sum over examples of -log softmax(weight x + bias)[class]) + 0.5 |weight|^2: what
 * LogisticRegression(C=C) of scikit-learn has, for two classes too.
 *
 * embeddings: (n, E), of unit length, as `model` makes them.   classes: (n), places in `labels`, of
 * which there are two at least and every one has an example. All are borrowed for the call. The
 * result does not depend on the model's threads. Errors: CLIPCLS_ERR_ARGUMENT,
 * CLIPCLS_ERR_UNSUPPORTED in a build without liblbfgs, CLIPCLS_ERR_FORMAT for a label twice. */
CLIPCLS_API clipcls_status clipcls_probe_train(clipcls_probe **out, clipcls_model *model,
                                               const float *embeddings, const size_t *classes,
                                               size_t n, const clipcls_labels *labels, double C,
                                               clipcls_error *error);
/** Writes a probe as a safetensors file. Replaces `path` only when all is written. */
CLIPCLS_API clipcls_status clipcls_probe_save(const clipcls_probe *probe, const char *path,
                                              clipcls_error *error);
/** Opens what clipcls_probe_save wrote. A probe that was trained with another model is
 * CLIPCLS_ERR_ARGUMENT; another dtype or layout of the same is fine. On error *out is NULL. */
CLIPCLS_API clipcls_status clipcls_probe_open(clipcls_probe **out, clipcls_model *model,
                                              const char *path, clipcls_error *error);
/** Its labels go with it; classifiers that were made from it stay good. */
CLIPCLS_API void clipcls_probe_free(clipcls_probe *probe);
/** Its classes; owned by the probe. */
CLIPCLS_API const clipcls_labels *clipcls_probe_labels(const clipcls_probe *probe);
/** A classifier whose labels are the probe's classes. Borrows the model, which must outlive it. */
CLIPCLS_API clipcls_status clipcls_classifier_from_probe(clipcls_classifier **out,
                                                         clipcls_model *model,
                                                         const clipcls_probe *probe,
                                                         clipcls_error *error);

/** @} */

/* ---- explicit ------------------------------------------------------------------------------- */
/** @defgroup explicit Explicit
 * @{ */

/** texts: n UTF-8 strings, used as they are.   out: (n, E), unit length. */
CLIPCLS_API clipcls_status clipcls_embed_texts(clipcls_model *model, const char *const *texts,
                                               size_t n, float *out, clipcls_error *error);

/** Gets the image tower ready for many pictures now: loads it and puts its weights where many
 * passes read them fastest, which would otherwise happen on the way. Costs memory for a copy of the
 * weights and the time of a few pictures; changes no result. Errors: as of the first picture. */
CLIPCLS_API clipcls_status clipcls_model_prepare(clipcls_model *model, clipcls_error *error);

/** pixels: (n, 3, S, S) normalised RGB, S = image_size.   out: (n, E), unit length. */
CLIPCLS_API clipcls_status clipcls_embed_pixels(clipcls_model *model, const float *pixels, size_t n,
                                                float *out, clipcls_error *error);

/** What the library was built with and runs on, as lines "name: value". Owned by the caller. */
CLIPCLS_API char *clipcls_build_info(void);

/** @} */

/* ---- collections of pictures ---------------------------------------------------------------- */
/** @defgroup collections Collections of pictures
 * @{ */

/** An index file: pictures' paths with their embeddings, mapped. It stays as it was opened whatever
 * becomes of the file's name. */
typedef struct clipcls_index clipcls_index;

/** One picture of an index. `size` and `modified_ns` are those of its file when it was encoded: a
 * file of which they are no longer true may hold another picture. */
typedef struct clipcls_entry {
	const char *path;       /**< as it was given */
	uint64_t size;          /**< of the file, in bytes */
	int64_t modified_ns;    /**< since the epoch */
	const float *embedding; /**< (E), unit length */
} clipcls_entry;

/** Whether a file begins as an index does. */
CLIPCLS_API int clipcls_index_recognise(const char *path);
/** CLIPCLS_ERR_IO, _FORMAT, _UNSUPPORTED (of a newer version), _MEMORY. On error *out is NULL. */
CLIPCLS_API clipcls_status clipcls_index_open(clipcls_index **out, const char *path,
                                              clipcls_error *error);
/** Ends the mapping: paths and embeddings of the index are gone. */
CLIPCLS_API void clipcls_index_free(clipcls_index *index);
/** CLIPCLS_OK where this model made it, in whatever dtype; CLIPCLS_ERR_ARGUMENT, with the file's
 * path, where another one did. */
CLIPCLS_API clipcls_status clipcls_index_check(const clipcls_index *index, clipcls_model *model,
                                               clipcls_error *error);
/** Pictures in it. */
CLIPCLS_API size_t clipcls_index_count(const clipcls_index *index);
/** What the writer noted. */
CLIPCLS_API const char *clipcls_index_note(const clipcls_index *index);
/** i < count. Everything in it belongs to the index. */
CLIPCLS_API clipcls_entry clipcls_index_entry(const clipcls_index *index, size_t i);
/** *found: whether a path is in the index; *i: its place then, the first where it stands twice. The
 * first call takes the time and memory of a table. CLIPCLS_ERR_MEMORY. */
CLIPCLS_API clipcls_status clipcls_index_find(int *found, size_t *i, clipcls_index *index,
                                              const char *path, clipcls_error *error);
/** (count, E) embeddings, row-major, owned by the index. */
CLIPCLS_API const float *clipcls_index_embeddings(const clipcls_index *index);
/** Asked after paths and embeddings were used, before what came of them is trusted: CLIPCLS_ERR_IO
 * when the file was cut short or written to since it was opened. */
CLIPCLS_API clipcls_status clipcls_index_intact(const clipcls_index *index, clipcls_error *error);

/** Writes an index of n pictures encoded by `model`; replaces `path` only when all is written.
 * from: where entries come from another index, that one, which must be intact to the end; else
 * NULL. note: any text. CLIPCLS_ERR_IO, _MEMORY, or as of the model's weights. */
CLIPCLS_API clipcls_status clipcls_index_write(const char *path, clipcls_model *model,
                                               const clipcls_entry *entries, size_t n,
                                               const clipcls_index *from, const char *note,
                                               clipcls_error *error);

/** One row that a search found. */
typedef struct clipcls_hit {
	size_t index;      /**< of the row */
	double similarity; /**< cosine */
} clipcls_hit;

/** For each query the `most` rows that are most similar, or all when there are fewer; best first,
 * ties by index. Exact: every cosine that decides is computed in double precision.
 * rows: (n, E), queries: (n_queries, E), unit length.   hits: (n_queries, min(most, n)).
 * `model` says E, and its threads do the work. CLIPCLS_ERR_MEMORY. */
CLIPCLS_API clipcls_status clipcls_search(clipcls_hit *hits, clipcls_model *model,
                                          const float *rows, size_t n, const float *queries,
                                          size_t n_queries, size_t most, clipcls_error *error);

/** @} */

/* ---- measuring ------------------------------------------------------------------------------ */
/** @defgroup measuring Measuring
 * @{ */

/** How a model uses the machine. One operation is a floating-point addition or multiplication of a
 * matrix product; the element-wise rest is not counted. */
typedef struct clipcls_work {
	size_t threads;       /**< of the model's pool */
	size_t batch;         /**< pictures per forward pass and thread */
	double picture_flops; /**< one picture through the image tower, as computed: the last block
	                         computes what the class token needs */
	double tower_flops;   /**< the same with every token through every block */
} clipcls_work;

/** Fills *out for the model's batch and threads. */
CLIPCLS_API void clipcls_model_work(const clipcls_model *model, clipcls_work *out);

/** The steps from one picture's bytes to the tower's input, each in seconds. */
typedef struct clipcls_picture_times {
	double decode;    /**< bytes to pixels */
	double resize;    /**< turn, convert, resize, crop */
	double normalize; /**< to the tower's floats */
	size_t width;     /**< in pixels, as stored in the file */
	size_t height;    /**< the same */
} clipcls_picture_times;

/** Takes one picture through every step in the calling thread. */
CLIPCLS_API clipcls_status clipcls_measure_picture(clipcls_model *model, const void *bytes,
                                                   size_t size,
                                                   const clipcls_image_options *options,
                                                   clipcls_picture_times *out,
                                                   clipcls_error *error);

/** What the machine can do at best, every thread of the model at work on data of its own. */
typedef struct clipcls_machine {
	double product_flops; /**< per second, of the fastest of some square matrix products */
	size_t product_size;  /**< the side of those matrices */
	double fma_flops;     /**< per second, of multiply-adds in registers alone */
} clipcls_machine;

/** Takes about `seconds`. */
CLIPCLS_API clipcls_status clipcls_measure_machine(clipcls_model *model, double seconds,
                                                   clipcls_machine *out, clipcls_error *error);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
