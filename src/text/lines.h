/* The lines of a labels or templates file; a byte-order mark is taken off. */
#ifndef CLIPCLS_TEXT_LINES_H
#define CLIPCLS_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Set bytes and size, the rest zero. */
struct lines {
	const char *bytes;
	size_t size;
	size_t at;
	size_t number; /* of the line that was given last, from 1 */
};

/* The next line, without its newline; false when there is none. The carriage return of a CRLF is
 * left to text_trim. */
bool lines_next(struct lines *lines, const char **line, size_t *n);
/* Takes Unicode white space off both ends. What is not UTF-8 is no space. */
void text_trim(const char **text, size_t *n);

#endif
