#include "cli/command/bench_picture.h"

#include "cli/read_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE_LIMIT ((size_t)1 << 30)
/* Of the picture that is made here. */
enum { WIDTH = 640, HEIGHT = 480 };

uint8_t bench_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (uint8_t)(*state >> 24);
}

clipcls_status bench_picture_make(char **bytes, size_t *out_size, clipcls_error *error)
{
	char header[32];
	size_t n = (size_t)snprintf(header, sizeof header, "P6\n%d %d\n255\n", WIDTH, HEIGHT);
	size_t size = n + (size_t)WIDTH * HEIGHT * 3;
	uint32_t state = 1;
	*bytes = malloc(size);
	if (*bytes == NULL)
		return memory_error(error);
	memcpy(*bytes, header, n);
	for (size_t i = n; i < size; i++)
		(*bytes)[i] = (char)bench_random(&state);
	*out_size = size;
	return CLIPCLS_OK;
}

clipcls_status bench_picture_read(char **bytes, size_t *size, const char *path,
                                  clipcls_error *error)
{
	if (read_all_of(bytes, size, path, PICTURE_LIMIT))
		return CLIPCLS_OK;
	error->status = CLIPCLS_ERR_IO;
	snprintf(error->message, sizeof error->message, "%.800s: cannot read: %s", path,
	         strerror(errno));
	return CLIPCLS_ERR_IO;
}
