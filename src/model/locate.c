/* Where a model of a given name lies: a path, a download, or the Hugging Face cache. */
#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "model/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#define REVISION_LIMIT 4096 /* bytes of refs/main */

/* Names are looked up below a directory and must not lead out of it. */
static bool is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* $XDG_DATA_HOME/clipcls/models/NAME, or NAME.safetensors there. *tried: where was looked; fails
 * where memory did, since then there may be one. */
static char *find_download(const char *name, struct buffer *tried)
{
	struct buffer path = { 0 };
	if (!is_plain(name) || !user_directory(&path, "XDG_DATA_HOME", "/.local/share"))
		goto none;
	buffer_text(&path, "/clipcls/models/");
	buffer_text(&path, name);
	if (path.failed)
		goto none;
	buffer_format(tried, "; %s", path.bytes);
	if (file_is_directory(path.bytes))
		return path.bytes;
	buffer_text(&path, ".safetensors");
	if (!path.failed && file_exists(path.bytes))
		return path.bytes;
none:
	tried->failed |= path.failed;
	buffer_free(&path);
	return NULL;
}

/* The hub's directory: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub. */
static bool hub_directory(struct buffer *out)
{
	const char *cache = getenv("HF_HUB_CACHE"), *home = getenv("HF_HOME");
	if (cache != NULL && cache[0] != '\0') {
		buffer_text(out, cache);
		return true;
	}
	if (home != NULL && home[0] != '\0') {
		buffer_text(out, home);
		buffer_text(out, "/hub");
		return true;
	}
	if (!user_directory(out, "XDG_CACHE_HOME", "/.cache"))
		return false;
	buffer_text(out, "/huggingface/hub");
	return true;
}

/* Appends snapshots/REVISION, of the revision that refs/main names. */
static bool append_snapshot(struct buffer *path)
{
	char *revision = NULL;
	size_t size = 0;
	struct buffer reference = { 0 };
	buffer_append(&reference, path->bytes, path->size);
	buffer_text(&reference, "/refs/main");
	clipcls_status status =
	    reference.failed ? error_memory(NULL)
	                     : file_read(&revision, &size, reference.bytes, REVISION_LIMIT, NULL);
	bool found = status == CLIPCLS_OK;
	path->failed |= status == CLIPCLS_ERR_MEMORY;
	if (found) {
		revision[strcspn(revision, " \t\r\n")] = '\0';
		found = is_plain(revision);
		buffer_text(path, "/snapshots/");
		buffer_text(path, revision);
	}
	buffer_free(&reference);
	free(revision);
	return found && !path->failed && file_is_directory(path->bytes);
}

/* "org/name" as models--org--name in the hub's cache. */
static char *find_in_hub(const char *name, struct buffer *tried)
{
	struct buffer path = { 0 };
	const char *slash = strchr(name, '/');
	if (slash == NULL || slash == name || name[0] == '.' || !is_plain(slash + 1) ||
	    !hub_directory(&path))
		goto none;
	buffer_text(&path, "/models--");
	buffer_append(&path, name, (size_t)(slash - name));
	buffer_text(&path, "--");
	buffer_text(&path, slash + 1);
	if (path.failed)
		goto none;
	buffer_format(tried, "; %s", path.bytes);
	if (append_snapshot(&path))
		return path.bytes;
none:
	tried->failed |= path.failed;
	buffer_free(&path);
	return NULL;
}

clipcls_status model_locate(char **path, const char *name, clipcls_error *error)
{
	struct buffer tried = { 0 };
	clipcls_status status = CLIPCLS_OK;
	*path = NULL;
	if (file_exists(name)) {
		*path = memory_string(name, strlen(name));
		return *path != NULL ? CLIPCLS_OK : error_memory(error);
	}
	buffer_text(&tried, "this path");
	*path = find_download(name, &tried);
	if (*path == NULL)
		*path = find_in_hub(name, &tried);
	if (*path == NULL)
		status = tried.failed ? error_memory(error)
		                      : error_set(error, CLIPCLS_ERR_IO,
		                                  "%s: no such model; looked for: %s", name, tried.bytes);
	buffer_free(&tried);
	return status;
}
