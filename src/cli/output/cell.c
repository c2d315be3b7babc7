#include "cli/output/cell.h"

#include "cli/output/output.h"

#include <string.h>

/* A byte that only goes on a character has none. */
int cell_columns(const char *text)
{
	int n = 0;
	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void cell_widen(int *width, const char *text)
{
	int n = cell_columns(text);
	*width = n > *width ? n : *width;
}

void cell_put(struct buffer *out, const char *text, int width, bool escape)
{
	if (escape)
		output_escaped(out, text, strlen(text));
	else
		buffer_text(out, text);
	for (int n = cell_columns(text); n < width; n++)
		buffer_byte(out, ' ');
}
