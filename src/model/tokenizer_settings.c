#include "model/tokenizer_settings.h"

#include "base/file.h"
#include "model/config_reader.h"
#include "model/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "<pad>", or {"content": "<pad>", ...}; NULL when there is none. */
static const char *token_text(const json *node)
{
	return json_string(json_is_object(node) ? json_get(node, "content") : node, NULL);
}

/* The id that added_tokens_decoder, {"0": {"content": "<pad>"}, ...}, gives to a token. */
static int32_t find_added(const json *decoder, const char *text)
{
	for (const json *token = json_first(decoder); token != NULL; token = json_next(token)) {
		const char *content = token_text(token);
		char *end;
		unsigned long id = strtoul(json_key(token), &end, 10);
		if (content != NULL && strcmp(content, text) == 0 && *end == '\0' && id <= INT32_MAX)
			return (int32_t)id;
	}
	return -1;
}

/* Older files list no added tokens; these stand at the same place in all vocabularies of the
 * families that pad. */
static int32_t find_usual(const char *text)
{
	if (strcmp(text, "</s>") == 0)
		return 1;
	return strcmp(text, "<pad>") == 0 || strcmp(text, "[PAD]") == 0 ? 0 : -1;
}

static bool lists(const json *list, const char *name)
{
	for (const json *item = json_first(list); item != NULL; item = json_next(item))
		if (strcmp(json_string(item, ""), name) == 0)
			return true;
	return false;
}

static void read_settings(struct tokenizer_settings *out, struct config_reader *reader)
{
	static const char fast[] = "Fast";
	const char *name = config_string(reader, "tokenizer_class", "");
	const char *pad = token_text(config_get(reader, "pad_token"));
	const char *side = config_string(reader, "padding_side", "right");
	size_t n = strlen(name), suffix = sizeof fast - 1;
	if (n > suffix && strcmp(name + n - suffix, fast) == 0)
		n -= suffix;
	if (n >= sizeof out->name)
		config_unsupported(reader, "tokenizer_class");
	else
		snprintf(out->name, sizeof out->name, "%.*s", (int)n, name);
	/* It lowers unless it is told not to; for others the vocabulary's file says what happens. */
	if (strcmp(out->name, "SiglipTokenizer") == 0 && !config_bool(reader, "do_lower_case", true))
		config_unsupported(reader, "do_lower_case");
	out->masks_padding = lists(config_get(reader, "model_input_names"), "attention_mask");
	if (pad != NULL)
		out->pad_token_id = find_added(config_get(reader, "added_tokens_decoder"), pad);
	if (pad != NULL && out->pad_token_id < 0)
		out->pad_token_id = find_usual(pad);
	if (pad != NULL && out->pad_token_id < 0)
		config_unsupported(reader, "pad_token");
	out->has_side = config_get(reader, "padding_side") != NULL;
	out->pad_left = strcmp(side, "left") == 0;
	if (!out->pad_left && strcmp(side, "right") != 0)
		config_unsupported(reader, "padding_side");
}

clipcls_status tokenizer_settings_read(struct tokenizer_settings *out, const char *directory,
                                       clipcls_error *error)
{
	json *root = NULL;
	char *path = path_join(directory, "tokenizer_config.json");
	*out = (struct tokenizer_settings){ .pad_token_id = -1 };
	if (path == NULL)
		return error_memory(error);
	clipcls_status status = CLIPCLS_OK;
	if (file_exists(path)) {
		status = json_read(&root, path, LAYOUT_CONFIG_LIMIT, error);
		struct config_reader reader = { path, "", root, error, status };
		if (status == CLIPCLS_OK)
			read_settings(out, &reader);
		status = reader.status;
	}
	json_free(root);
	free(path);
	return status;
}
