/* Operations when memory is out: the first allocation fails, then the second, and so on until the
 * operation does not come to the one that would. */
#ifndef CLIPCLS_TESTS_FAILING_H
#define CLIPCLS_TESTS_FAILING_H

#include "unit.h"

#include "base/error.h"

/* Does one thing and frees what it made. An error leaves *out and the like NULL, which it asserts
 * itself, and so does what must be right about a result. */
typedef clipcls_status (*operation)(const void *context, clipcls_error *error);

/* Runs it with allocation k = 1, 2, ... failing, first that one alone, then all from there on: each
 * time it ends in CLIPCLS_ERR_MEMORY with a message, and leaves neither memory nor descriptors
 * behind. */
void expect_memory_errors(const char *name, operation run, const void *context);
/* The same where memory may be dispensable: CLIPCLS_OK is as good. */
void expect_memory_errors_or_success(const char *name, operation run, const void *context);

/* And where a library does not survive it: what such ask for does not fail. */
void expect_own_memory_errors_or_success(const char *name, operation run, const void *context);

/* For operations that are no function of the library's: the k-th allocation from here on fails, and
 * with `all` every later one. The calling thread's and all others' count. */
void failing_begin(size_t k, int all);
/* Whether one failed. */
int failing_end(void);

#endif
