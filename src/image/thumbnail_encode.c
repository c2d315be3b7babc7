/* JPEG with stb_image_write, which every build has. */
#include "image/thumbnail.h"

/* 2 to 4 KB for 96 x 96 pixels. */
#define QUALITY 70

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
/* Reported at the end of the file, so not restored below. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_write.h>

static void append(void *out, void *bytes, int n)
{
	buffer_append(out, bytes, (size_t)n);
}

void thumbnail_encode(struct buffer *out, const struct thumbnail *thumbnail)
{
	/* It fails for sides of 0 alone. */
	stbi_write_jpg_to_func(append, out, (int)thumbnail->width, (int)thumbnail->height, 3,
	                       thumbnail->rgb, QUALITY);
}
