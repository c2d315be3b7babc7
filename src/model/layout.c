/* What the layouts share: telling them apart, finding files, the tokenizer's files. */
#include "model/layout.h"

#include "base/file.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* The name in the directory that matches the pattern and comes first in byte order. */
static clipcls_status find_pattern(char **name, const char *directory, const char *pattern,
                                   clipcls_error *error)
{
	*name = NULL;
	DIR *entries = opendir(directory);
	if (entries == NULL)
		return file_error(error, directory, "open");
	clipcls_status status = CLIPCLS_OK;
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(entries);
		if (entry == NULL) {
			if (errno != 0)
				status = file_error(error, directory, "read");
			break;
		}
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0 ||
		    (*name != NULL && strcmp(entry->d_name, *name) > 0))
			continue;
		free(*name);
		*name = memory_string(entry->d_name, strlen(entry->d_name));
		if (*name == NULL) {
			status = error_memory(error);
			break;
		}
	}
	closedir(entries);
	return status;
}

clipcls_status layout_find_file(char **out, const char *directory, const char *const *names,
                                const char *pattern, clipcls_error *error)
{
	*out = NULL;
	for (; names != NULL && *names != NULL; names++) {
		char *path = path_join(directory, *names);
		if (path == NULL)
			return error_memory(error);
		if (file_exists(path)) {
			*out = path;
			return CLIPCLS_OK;
		}
		free(path);
	}
	if (pattern == NULL)
		return CLIPCLS_OK;
	char *name = NULL;
	clipcls_status status = find_pattern(&name, directory, pattern, error);
	if (status == CLIPCLS_OK && name != NULL) {
		*out = path_join(directory, name);
		if (*out == NULL)
			status = error_memory(error);
	}
	free(name);
	return status;
}

/* Whether the directory has the file, or one that matches the pattern. An error sticks. */
static bool has(const char *directory, const char *name, const char *pattern,
                clipcls_status *status, clipcls_error *error)
{
	const char *const names[] = { name, NULL };
	char *path = NULL;
	if (*status == CLIPCLS_OK)
		*status = layout_find_file(&path, directory, name != NULL ? names : NULL, pattern, error);
	free(path);
	return path != NULL;
}

static clipcls_status refuse_pickle(const char *path, clipcls_error *error)
{
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
	                 "%s: the weights are a Python pickle, which clipcls does not open; convert "
	                 "them first: scripts/unpickle.py %s OUT",
	                 path, path);
}

static bool is_pickle_name(const char *name)
{
	static const char *const endings[] = { ".bin", ".pt", ".pth", ".ckpt", ".pkl" };
	const char *dot = strrchr(name, '.');
	for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof *endings; i++)
		if (strcmp(dot, endings[i]) == 0)
			return true;
	return false;
}

static clipcls_status detect_directory(const char **layout, const char *path, clipcls_error *error)
{
	static const char *const pickles[] = { "*.bin", "*.pt", "*.pth" };
	clipcls_status status = CLIPCLS_OK;
	bool openclip_config = has(path, "open_clip_config.json", NULL, &status, error);
	bool openclip_weights = has(path, NULL, "open_clip_*.safetensors", &status, error);
	bool config = has(path, "config.json", NULL, &status, error);
	bool weights = has(path, "model.safetensors", "model*.safetensors*", &status, error);
	if (status != CLIPCLS_OK)
		return status;
	if (openclip_config && (openclip_weights || (weights && !config)))
		*layout = "openclip";
	else if (config && weights)
		*layout = "huggingface";
	if (*layout != NULL)
		return CLIPCLS_OK;
	for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++)
		if (has(path, NULL, pickles[i], &status, error))
			return refuse_pickle(path, error);
	if (status != CLIPCLS_OK)
		return status;
	return error_set(error, CLIPCLS_ERR_FORMAT,
	                 "%s: not a checkpoint: neither config.json with model.safetensors nor "
	                 "open_clip_config.json with open_clip_*.safetensors",
	                 path);
}

clipcls_status layout_detect(const char **layout, const char *path, clipcls_error *error)
{
	*layout = NULL;
	if (file_is_directory(path))
		return detect_directory(layout, path, error);
	if (is_pickle_name(path) && file_exists(path))
		return refuse_pickle(path, error);
	*layout = "single";
	return CLIPCLS_OK;
}

/* Reads directory/name into the checkpoint's slot; *bytes is NULL when there is no such file. */
static clipcls_status read_file(struct checkpoint *checkpoint, size_t slot, const char **bytes,
                                size_t *size, const char *path, clipcls_error *error)
{
	clipcls_status status =
	    file_read(&checkpoint->owned[slot], size, path, LAYOUT_TOKENIZER_LIMIT, error);
	*bytes = checkpoint->owned[slot];
	return status;
}

static clipcls_status read_clip_files(struct checkpoint *checkpoint, clipcls_error *error)
{
	struct tokenizer_files *files = &checkpoint->tokenizer;
	clipcls_status status = CLIPCLS_OK;
	char *vocab = path_join(checkpoint->path, "vocab.json");
	char *merges = path_join(checkpoint->path, "merges.txt");
	char *tokenizer = path_join(checkpoint->path, "tokenizer.json");
	if (vocab == NULL || merges == NULL || tokenizer == NULL) {
		status = error_memory(error);
	} else if (file_exists(vocab) && file_exists(merges)) {
		status = read_file(checkpoint, 0, &files->vocab, &files->vocab_size, vocab, error);
		if (status == CLIPCLS_OK)
			status = read_file(checkpoint, 1, &files->merges, &files->merges_size, merges, error);
		checkpoint->owned[3] = vocab;
		vocab = NULL;
	} else if (file_exists(tokenizer)) {
		status = read_file(checkpoint, 2, &files->tokenizer_json, &files->tokenizer_json_size,
		                   tokenizer, error);
		checkpoint->owned[3] = tokenizer;
		tokenizer = NULL;
	}
	free(vocab);
	free(merges);
	free(tokenizer);
	return status;
}

/* The first of the names that is there; path becomes the file's. */
static clipcls_status read_first(struct checkpoint *checkpoint, const char *const *names,
                                 const char **bytes, size_t *size, clipcls_error *error)
{
	char *path = NULL;
	clipcls_status status = layout_find_file(&path, checkpoint->path, names, NULL, error);
	if (status == CLIPCLS_OK && path != NULL)
		status = read_file(checkpoint, 0, bytes, size, path, error);
	checkpoint->owned[3] = path;
	return status;
}

clipcls_status layout_read_tokenizer(struct checkpoint *checkpoint, clipcls_error *error)
{
	static const char *const json_names[] = { "tokenizer.json", NULL };
	static const char *const spiece_names[] = { "spiece.model", "tokenizer.model",
		                                        "sentencepiece.bpe.model", NULL };
	static const char *const vocab_names[] = { "vocab.txt", NULL };
	const struct tokenizer_config *config = &checkpoint->config.tokenizer;
	struct tokenizer_files *files = &checkpoint->tokenizer;
	clipcls_status status = CLIPCLS_OK;
	if (config->kind == TOKENIZER_CLIP)
		status = read_clip_files(checkpoint, error);
	else if (config->cleaning != TEXT_CLEANING_SIGLIP)
		status = read_first(checkpoint, json_names, &files->tokenizer_json,
		                    &files->tokenizer_json_size, error);
	if (status == CLIPCLS_OK && checkpoint->owned[3] == NULL) {
		if (config->kind == TOKENIZER_SENTENCEPIECE)
			status =
			    read_first(checkpoint, spiece_names, &files->spiece, &files->spiece_size, error);
		else if (config->kind == TOKENIZER_WORDPIECE)
			status = read_first(checkpoint, vocab_names, &files->vocab_txt, &files->vocab_txt_size,
			                    error);
	}
	files->path = checkpoint->owned[3] != NULL ? checkpoint->owned[3] : checkpoint->path;
	return status;
}
