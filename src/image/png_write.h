/* Pictures -> PNG files. Each of libspng, libpng and neither has its own file behind this. */
#ifndef CLIPCLS_IMAGE_PNG_WRITE_H
#define CLIPCLS_IMAGE_PNG_WRITE_H

#include "base/buffer.h"
#include "base/error.h"

/* A note in the file. */
struct png_text {
	const char *keyword; /* Latin-1, shorter than 80 bytes */
	const char *text;    /* UTF-8 */
};

/* Appends a file. rgb: (height, width, 3). Texts in ASCII are tEXt chunks, others iTXt.
 * Errors: CLIPCLS_ERR_MEMORY, _UNSUPPORTED in a build with neither library. */
clipcls_status png_write(struct buffer *out, const uint8_t *rgb, size_t width, size_t height,
                         const struct png_text *texts, size_t n, clipcls_error *error);

/* Which of the two chunks. */
static inline bool png_text_is_ascii(const struct png_text *text)
{
	for (const char *c = text->text; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			return false;
	return true;
}

#endif
