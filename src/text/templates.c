#include "text/labels.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/builtin_data.h"
#include "text/lines.h"

#include <stdlib.h>
#include <string.h>

#define PLACEHOLDER "{}"

struct clipcls_templates {
	char **items;
	size_t count, capacity;
};

clipcls_status clipcls_templates_new(clipcls_templates **out, clipcls_error *error)
{
	*out = memory_new(1, sizeof **out);
	return *out != NULL ? CLIPCLS_OK : error_memory(error);
}

void clipcls_templates_free(clipcls_templates *templates)
{
	if (templates == NULL)
		return;
	for (size_t i = 0; i < templates->count; i++)
		free(templates->items[i]);
	free(templates->items);
	free(templates);
}

size_t clipcls_templates_count(const clipcls_templates *templates)
{
	return templates->count;
}

static clipcls_status append(clipcls_templates *templates, const char *text, size_t n,
                             clipcls_error *error)
{
	if (memchr(text, '\0', n) != NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "template holds a NUL character");
	if (!utf8_valid(text, n))
		return error_set(error, CLIPCLS_ERR_FORMAT, "template is not UTF-8");
	if (memmem(text, n, PLACEHOLDER, strlen(PLACEHOLDER)) == NULL)
		return error_set(error, CLIPCLS_ERR_FORMAT, "template \"%.*s\" lacks {}",
		                 (int)size_min(n, 200), text);
	char **grown =
	    memory_grow(templates->items, &templates->capacity, templates->count + 1, sizeof *grown);
	if (grown == NULL)
		return error_memory(error);
	templates->items = grown;
	grown[templates->count] = memory_string(text, n);
	if (grown[templates->count] == NULL)
		return error_memory(error);
	templates->count++;
	return CLIPCLS_OK;
}

clipcls_status clipcls_templates_add(clipcls_templates *templates, const char *text,
                                     clipcls_error *error)
{
	return append(templates, text, strlen(text), error);
}

clipcls_status clipcls_templates_add_text(clipcls_templates *templates, const char *bytes,
                                          size_t size, const char *name, clipcls_error *error)
{
	struct lines lines = { .bytes = bytes, .size = size };
	clipcls_status status = CLIPCLS_OK;
	const char *line;
	size_t n, before = templates->count;
	while (status == CLIPCLS_OK && lines_next(&lines, &line, &n)) {
		text_trim(&line, &n);
		if (n == 0)
			continue;
		status = append(templates, line, n, error);
		if (status == CLIPCLS_ERR_FORMAT)
			error_prefix(error, "%s:%zu: ", name, lines.number);
	}
	if (status == CLIPCLS_OK && templates->count == before)
		status = error_set(error, CLIPCLS_ERR_FORMAT, "%s:%zu: there is no template in the file",
		                   name, size_max(lines.number, 1));
	return status;
}

/* ---- sets ----------------------------------------------------------------------------------- */

struct template_set {
	const char *name;
	const char *begin, *end; /* end = NULL: up to the NUL */
};

static const struct template_set sets[] = {
	{ "simple", "a photo of a {}.", NULL },
	{ "imagenet80", imagenet80_templates, imagenet80_templates_end },
	{ "openai7", openai7_templates, openai7_templates_end },
	{ "none", "{}", NULL },
};

const char *clipcls_templates_set_name(size_t index)
{
	return index < sizeof sets / sizeof *sets ? sets[index].name : NULL;
}

clipcls_status clipcls_templates_add_set(clipcls_templates *templates, const char *set,
                                         clipcls_error *error)
{
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		if (strcmp(sets[i].name, set) != 0)
			continue;
		size_t size =
		    sets[i].end != NULL ? (size_t)(sets[i].end - sets[i].begin) : strlen(sets[i].begin);
		return clipcls_templates_add_text(templates, sets[i].begin, size, set, error);
	}
	return error_set(error, CLIPCLS_ERR_ARGUMENT, "there is no template set \"%s\"", set);
}

/* ---- use ------------------------------------------------------------------------------------ */

const char *clipcls_templates_text(const clipcls_templates *templates, size_t index)
{
	return index < templates->count ? templates->items[index] : NULL;
}

char *templates_apply(const clipcls_templates *templates, size_t index, const char *label)
{
	struct buffer prompt = { 0 };
	const char *text = templates->items[index], *place;
	while ((place = strstr(text, PLACEHOLDER)) != NULL) {
		buffer_append(&prompt, text, (size_t)(place - text));
		buffer_text(&prompt, label);
		text = place + strlen(PLACEHOLDER);
	}
	buffer_text(&prompt, text);
	char *out = prompt.failed ? NULL : memory_string(prompt.bytes, prompt.size);
	buffer_free(&prompt);
	return out;
}
