/* What the tests of pictures share. */
#ifndef CLIPCLS_TESTS_TEST_IMAGE_H
#define CLIPCLS_TESTS_TEST_IMAGE_H

#include "unit.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

static clipcls_error error;

/* Without a library its format is refused, or read by stb_image, which gives other modes. */
static inline bool has_own_decoder(const char *name)
{
	(void)name;
#ifndef CLIPCLS_HAVE_JPEG
	if (strstr(name, ".jpg") != NULL)
		return false;
#endif
#if !defined(CLIPCLS_HAVE_SPNG) && !defined(CLIPCLS_HAVE_PNG)
	if (strstr(name, ".png") != NULL)
		return false;
#endif
#ifndef CLIPCLS_HAVE_WEBP
	if (strstr(name, ".webp") != NULL)
		return false;
#endif
#ifndef CLIPCLS_HAVE_GIF
	if (strstr(name, ".gif") != NULL)
		return false;
#endif
	return true;
}

/* A file of tests/data/images: freed with free(). */
static inline uint8_t *image_bytes(const char *name, size_t *size)
{
	char *bytes = NULL, path[1024];
	snprintf(path, sizeof path, TEST_DATA "/images/%s", name);
	assert_ok(file_read(&bytes, size, path, 1 << 20, &error));
	return (uint8_t *)bytes;
}

#endif
