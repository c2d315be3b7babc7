#include "cli/manual/template.h"

#include <string.h>

/* Whether a line of n bytes is the place's own, "@name@". */
static bool is_place(const struct place *place, const char *line, size_t n)
{
	size_t length = strlen(place->name);
	return n == length + 2 && line[0] == '@' && line[n - 1] == '@' &&
	       memcmp(line + 1, place->name, length) == 0;
}

void template_fill(struct buffer *out, const char *text, const struct place *places, size_t n)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n"), i = 0;
		while (i < n && !is_place(&places[i], text, length))
			i++;
		if (i < n)
			places[i].fill(out);
		else
			buffer_append(out, text, length + 1);
		text += length + 1;
	}
}

void append_quoted(struct buffer *out, const char *text, const char *(*quoted)(char c))
{
	for (; *text != '\0'; text++) {
		const char *other = quoted(*text);
		if (other != NULL)
			buffer_text(out, other);
		else
			buffer_byte(out, *text == '\n' ? ' ' : *text);
	}
}
