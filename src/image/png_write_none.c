/* Where both libraries are absent. */
#include "image/png_write.h"

clipcls_status png_write(struct buffer *out, const uint8_t *rgb, size_t width, size_t height,
                         const struct png_text *texts, size_t n, clipcls_error *error)
{
	(void)out;
	(void)rgb;
	(void)width;
	(void)height;
	(void)texts;
	(void)n;
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED,
	                 "this build writes no PNG files: it has neither libspng nor libpng");
}
