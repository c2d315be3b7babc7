/* What every unit test includes: cmocka with the headers that it wants before it. */
#ifndef CLIPCLS_TESTS_UNIT_H
#define CLIPCLS_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* The call succeeds; prints its message when it does not. */
#define assert_ok(call)                               \
	do {                                              \
		if ((call) != CLIPCLS_OK)                     \
			fail_msg("%s: %s", #call, error.message); \
	} while (0)

/* The call fails with `status` and a message that holds `text`. */
#define assert_error(call, expected, text)                                  \
	do {                                                                    \
		assert_int_equal((call), (expected));                               \
		if (strstr(error.message, (text)) == NULL)                          \
			fail_msg("message \"%s\" lacks \"%s\"", error.message, (text)); \
	} while (0)

#endif
