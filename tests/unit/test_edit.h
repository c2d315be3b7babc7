/* Texts of files with one place in them changed, and what is expected of those who read them. */
#ifndef CLIPCLS_TESTS_TEST_EDIT_H
#define CLIPCLS_TESTS_TEST_EDIT_H

#include "unit.h"

#include "base/buffer.h"
#include "clipcls.h"

struct edit {
	const char *old, *new;
	clipcls_status status;
	const char *message; /* of the error */
};

/* The text with its first `old`, which must be there, replaced; the caller's. */
static inline char *edited(const char *text, const char *old, const char *new)
{
	struct buffer out = { 0 };
	const char *place = strstr(text, old);
	if (place == NULL)
		fail_msg("no %s in %s", old, text);
	buffer_append(&out, text, (size_t)(place - text));
	buffer_text(&out, new);
	buffer_text(&out, place + strlen(old));
	assert_false(out.failed);
	return out.bytes;
}

#endif
