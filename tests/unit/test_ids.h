/* What a tokenizer makes of a text. */
#ifndef CLIPCLS_TESTS_TEST_IDS_H
#define CLIPCLS_TESTS_TEST_IDS_H

#include "unit.h"

#include "text/tokenizer.h"

#include <string.h>

#define CONTEXT_LENGTH 16

/* expected ends with -1.   context_length: at most CONTEXT_LENGTH. */
static inline void expect_ids(const struct tokenizer *tokenizer, const char *text,
                              size_t context_length, const int32_t *expected)
{
	int32_t ids[CONTEXT_LENGTH];
	size_t count = 0;
	clipcls_error error;
	assert_ok(tokenizer_encode(tokenizer, ids, &count, text, strlen(text), context_length, &error));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(ids[i], expected[i]);
	assert_int_equal(expected[count], -1);
}

#define EXPECT(text, context_length, ...) \
	expect_ids(tokenizer, text, context_length, (const int32_t[]){ __VA_ARGS__, -1 })

#endif
