#include "cli/output/heat_maps.h"

#include "base/hash.h"
#include "cli/output/verdict.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names end in this. */
#define ENDING ".png"
/* Bytes of a name at most, of the 255 that file systems have: a file is written under a longer one
 * first. */
#define NAME_LIMIT 240
/* What a cut name keeps of the path: the rest is '~' and 16 digits. */
#define NAME_KEPT (NAME_LIMIT - 17)

bool heat_maps_open(struct heat_maps *maps, const struct options *options)
{
	const char *directory = options->explain;
	*maps = (struct heat_maps){ .options = options };
	if (directory == NULL) {
		if (options->explain_label != NULL)
			complain("--explain-label needs --explain");
		return options->explain_label == NULL;
	}
	struct stat st;
	bool good = mkdir(directory, 0777) == 0 || errno == EEXIST;
	if (good && stat(directory, &st) == 0 && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		good = false;
	}
	good = good && access(directory, W_OK | X_OK) == 0;
	if (!good)
		complain("%s: cannot write heat maps there: %s", directory, strerror(errno));
	return good;
}

/* Whether a byte stays what it is. A dot at the start would hide the file; '+' and '~' have a
 * meaning of their own. */
static bool stays(unsigned char c, bool first)
{
	if (c < 0x20 || c == 0x7f || (first && c == '.'))
		return false;
	return strchr("/+~%\\", c) == NULL;
}

void heat_maps_name(struct buffer *name, const char *path)
{
	size_t start = name->size;
	for (const char *c = path; *c != '\0'; c++) {
		if (*c == '/')
			buffer_byte(name, '+');
		else if (stays((unsigned char)*c, c == path))
			buffer_byte(name, *c);
		else
			buffer_format(name, "%%%02X", (unsigned char)*c);
	}
	if (!name->failed && name->size - start > NAME_LIMIT) {
		/* Not in the middle of a character. */
		size_t end = start + NAME_KEPT;
		while (end > start && ((unsigned char)name->bytes[end] & 0xc0) == 0x80)
			end--;
		name->size = end;
		buffer_format(name, "~%016llx", (unsigned long long)hash_bytes(path, strlen(path), 0));
	}
	buffer_text(name, ENDING);
}

static bool put_path(struct buffer *out, const char *directory, const char *picture)
{
	buffer_clear(out);
	buffer_text(out, directory);
	if (directory[strlen(directory) - 1] != '/')
		buffer_byte(out, '/');
	heat_maps_name(out, picture);
	if (out->failed)
		complain("out of memory");
	return !out->failed;
}

bool heat_maps_make(const char **file, struct heat_maps *maps, const struct session *session,
                    const clipcls_input *input, const clipcls_record *record)
{
	const struct options *options = maps->options;
	clipcls_explanation *explanation = NULL;
	clipcls_error error = { 0 };
	size_t label;
	bool chosen = options->explain_label != NULL &&
	              verdict_find(&label, session->labels, options->explain_label);
	*file = NULL;
	if (options->explain == NULL || record->status != CLIPCLS_OK)
		return true;
	if (!put_path(&maps->path, options->explain, record->path))
		return false;
	clipcls_status status = clipcls_explain(&explanation, session->classifier, input,
	                                        &options->image, chosen ? &label : NULL, &error);
	if (status != CLIPCLS_OK) {
		complain("%s: no heat map: %s", record->path, error.message);
		maps->failed++;
		return status != CLIPCLS_ERR_MEMORY;
	}
	status = clipcls_explanation_save(explanation,
	                                  clipcls_labels_text(session->labels, explanation->label),
	                                  maps->path.bytes, &error);
	clipcls_explanation_free(explanation);
	if (status != CLIPCLS_OK) {
		complain_error(&error);
		return false;
	}
	*file = maps->path.bytes;
	return true;
}

void heat_maps_close(struct heat_maps *maps)
{
	buffer_free(&maps->path);
}
