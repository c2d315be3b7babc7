/* What label embeddings depend on, spelled out as the key of a cache entry:
 *
 * - this build: its sources, compiler and options (NUMERICS_ID);
 * - what runs it: matrix products with their kernel, the processor's instruction sets, precision;
 * - the model: config, weights files, tokenizer files (checkpoint_identity);
 * - the labels with their own prompts, and the templates, as they were given.
 *
 * Token ids are not in it, because finding them out takes the vocabulary, which is half of what a
 * hit saves. They follow from what is: from the prompts' texts, the tokenizer's files and its
 * cleaning (in the config), the code (in NUMERICS_ID, as is the built-in vocabulary), and the
 * Unicode library's tables (by their version). The number of threads, the batch, and which of the
 * labels' neighbours there are change no bit of an embedding. */
#include "classify/label_cache.h"

#include "base/checked.h"
#include "base/cpu.h"
#include "base/disk_cache.h"
#include "nn/linear.h"
#include "text/labels.h"
#include "text/unicode.h"

#include "numerics_id.h"

#include <string.h>

#define CACHE_LIMIT ((uint64_t)256 << 20) /* bytes: some 130,000 labels of 512 floats */

/* Parts of a key carry their length: "ab", "c" is another key than "a", "bc". */
static void add_number(struct buffer *key, size_t number)
{
	uint64_t wide = number;
	buffer_append(key, &wide, sizeof wide);
}

static void add_text(struct buffer *key, const char *text)
{
	add_number(key, strlen(text));
	buffer_text(key, text);
}

static void add_engine(struct buffer *key)
{
	add_text(key, "label embeddings " NUMERICS_ID);
	add_text(key, "f32");
	linear_describe(key);
	buffer_byte(key, '\n');
	add_text(key, unicode_version());
	cpu_features(key);
	buffer_byte(key, '\n');
}

static void add_labels(struct buffer *key, const clipcls_labels *labels,
                       const clipcls_templates *templates)
{
	size_t L = clipcls_labels_count(labels), n = clipcls_templates_count(templates);
	add_number(key, n);
	for (size_t i = 0; i < n; i++)
		add_text(key, clipcls_templates_text(templates, i));
	add_number(key, L);
	for (size_t label = 0; label < L; label++) {
		add_text(key, clipcls_labels_text(labels, label));
		add_number(key, clipcls_labels_prompt_count(labels, label));
		for (size_t i = 0; i < clipcls_labels_prompt_count(labels, label); i++)
			add_text(key, labels_prompt(labels, label, i));
	}
}

clipcls_status label_cache_open(struct label_cache *cache, const clipcls_model *model,
                                const clipcls_labels *labels, const clipcls_templates *templates,
                                clipcls_error *error)
{
	*cache = (struct label_cache){ .model = model };
	if (model->cache_directory == NULL)
		return CLIPCLS_OK;
	if (!size_mul(clipcls_labels_count(labels), clipcls_model_embedding_size(model),
	              &cache->floats))
		return error_memory(error);
	add_engine(&cache->key);
	checkpoint_identity(&cache->key, model->checkpoint);
	add_labels(&cache->key, labels, templates);
	return cache->key.failed ? error_memory(error) : CLIPCLS_OK;
}

bool label_cache_is_on(const struct label_cache *cache)
{
	return cache->key.size > 0;
}

static struct disk_cache disk_of(const struct label_cache *cache)
{
	return (struct disk_cache){ cache->model->cache_directory, CACHE_LIMIT };
}

static struct disk_cache_key key_of(const struct label_cache *cache)
{
	return (struct disk_cache_key){ cache->key.bytes, cache->key.size };
}

bool label_cache_load(float *embeddings, const struct label_cache *cache)
{
	struct disk_cache disk = disk_of(cache);
	return label_cache_is_on(cache) &&
	       disk_cache_read(embeddings, cache->floats * sizeof *embeddings, &disk, key_of(cache));
}

clipcls_status label_cache_store(const struct label_cache *cache, const float *embeddings,
                                 clipcls_error *error)
{
	struct disk_cache disk = disk_of(cache);
	const struct checkpoint *checkpoint = cache->model->checkpoint;
	/* Weights are read from the file while the text tower runs: what was computed from a file that
	 * was written to in the meantime must not stand under its old identity. */
	if (!checkpoint_unchanged(checkpoint))
		return error_set(error, CLIPCLS_ERR_IO, "%s: changed while it was in use",
		                 checkpoint_path(checkpoint));
	return disk_cache_write(&disk, key_of(cache), embeddings, cache->floats * sizeof *embeddings,
	                        error);
}

void label_cache_close(struct label_cache *cache)
{
	buffer_free(&cache->key);
	*cache = (struct label_cache){ 0 };
}
