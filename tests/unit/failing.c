/* Takes the place of malloc and its kin. Beside a sanitizer, which has taken it already, it is
 * linked with --wrap, and sees what this project's own files ask for; elsewhere it sees libraries'
 * requests, too. */
#include "failing.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Libraries find what is visible alone. */
#pragma GCC visibility push(default)

#if defined(CLIPCLS_WRAP_ALLOCATION)
#define STANDS_FOR(function) __wrap_##function
#define THE_REAL(function) __real_##function
#else
#define STANDS_FOR(function) function
#define THE_REAL(function) __libc_##function
#endif

void *THE_REAL(malloc)(size_t size);
void *THE_REAL(calloc)(size_t n, size_t size);
void *THE_REAL(realloc)(void *block, size_t size);
void *STANDS_FOR(malloc)(size_t size);
void *STANDS_FOR(calloc)(size_t n, size_t size);
void *STANDS_FOR(realloc)(void *block, size_t size);
int STANDS_FOR(posix_memalign)(void **block, size_t alignment, size_t size);

static atomic_size_t left;     /* allocations up to the one that fails; 0 = none does */
static atomic_bool fails_all;  /* from there on */
static atomic_size_t failures; /* so far */
static atomic_bool own_only;   /* what libraries ask for does not fail */
static atomic_long live;       /* blocks */

static bool is_own(const void *caller)
{
	extern const char __executable_start[], etext[];
	return (const char *)caller >= __executable_start && (const char *)caller < etext;
}

static bool must_fail(const void *caller)
{
	if (atomic_load(&own_only) && !is_own(caller))
		return false;
	size_t now = atomic_load(&left);
	while (now > 0 && !atomic_compare_exchange_weak(&left, &now, now - 1))
		;
	if (now != 1 && !(now == 0 && atomic_load(&fails_all) && atomic_load(&failures) > 0))
		return false;
	atomic_fetch_add(&failures, 1);
	errno = ENOMEM;
	return true;
}

static void *count(void *block)
{
	if (block != NULL)
		atomic_fetch_add(&live, 1);
	return block;
}

void *STANDS_FOR(malloc)(size_t size)
{
	return must_fail(__builtin_return_address(0)) ? NULL : count(THE_REAL(malloc)(size));
}

void *STANDS_FOR(calloc)(size_t n, size_t size)
{
	return must_fail(__builtin_return_address(0)) ? NULL : count(THE_REAL(calloc)(n, size));
}

void *STANDS_FOR(realloc)(void *block, size_t size)
{
	if (must_fail(__builtin_return_address(0)))
		return NULL;
	void *grown = THE_REAL(realloc)(block, size);
	return block == NULL ? count(grown) : grown;
}

/* What is left of a process's blocks is counted where free() is ours as well; AddressSanitizer
 * finds leaks by itself. */
#if defined(CLIPCLS_WRAP_ALLOCATION)
int __real_posix_memalign(void **block, size_t alignment, size_t size);

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
	return must_fail(__builtin_return_address(0)) ? ENOMEM
	                                              : __real_posix_memalign(block, alignment, size);
}

static long blocks(void)
{
	return 0;
}
#else
void __libc_free(void *block);
void *__libc_memalign(size_t alignment, size_t size);
void free(void *block);

void free(void *block)
{
	if (block != NULL)
		atomic_fetch_sub(&live, 1);
	__libc_free(block);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	if (must_fail(__builtin_return_address(0)))
		return ENOMEM;
	*block = count(__libc_memalign(alignment, size));
	return *block != NULL ? 0 : ENOMEM;
}

static long blocks(void)
{
	return atomic_load(&live);
}
#endif

#pragma GCC visibility pop

void failing_begin(size_t k, int all)
{
	atomic_store(&failures, 0);
	atomic_store(&fails_all, all != 0);
	atomic_store(&left, k);
}

int failing_end(void)
{
	atomic_store(&left, 0);
	atomic_store(&fails_all, false);
	return atomic_load(&failures) > 0;
}

/* The lowest free descriptor: one that was not closed raises it. */
static int descriptors(void)
{
	int fd = dup(STDERR_FILENO);
	close(fd);
	return fd;
}

static void run_all(const char *name, operation run, const void *context, int all, bool dispensable)
{
	for (size_t k = 1;; k++) {
		clipcls_error error = { 0 };
		long before = blocks();
		int fd = descriptors();
		failing_begin(k, all);
		clipcls_status status = run(context, &error);
		bool hit = failing_end();
		if (blocks() != before)
			fail_msg("%s: allocation %zu leaves %ld blocks", name, k, blocks() - before);
		if (descriptors() != fd)
			fail_msg("%s: allocation %zu leaves a descriptor open", name, k);
		if (!hit && status != CLIPCLS_OK)
			fail_msg("%s: %s", name, error.message);
		if (!hit)
			return;
		if (status == CLIPCLS_OK && dispensable)
			continue;
		if (status != CLIPCLS_ERR_MEMORY || error.message[0] == '\0')
			fail_msg("%s: allocation %zu gives \"%s\": \"%s\"", name, k,
			         clipcls_status_name(status), error.message);
	}
}

static void expect(const char *name, operation run, const void *context, bool dispensable)
{
	clipcls_error error = { 0 };
	/* What is made once and kept, as the C library's own tables, is no leak. */
	if (run(context, &error) != CLIPCLS_OK)
		fail_msg("%s: %s", name, error.message);
	run_all(name, run, context, 0, dispensable);
	run_all(name, run, context, 1, dispensable);
}

void expect_own_memory_errors_or_success(const char *name, operation run, const void *context)
{
	atomic_store(&own_only, true);
	expect(name, run, context, true);
	atomic_store(&own_only, false);
}

void expect_memory_errors(const char *name, operation run, const void *context)
{
	expect(name, run, context, false);
}

void expect_memory_errors_or_success(const char *name, operation run, const void *context)
{
	expect(name, run, context, true);
}
