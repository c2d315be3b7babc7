/* Preloaded into the program: fails an allocation or a system call of the test's choice.
 *
 * FAIL_TABLE names a file of sizeof(struct table) zeroed bytes, shared with the test and with all
 * processes that are forked. Each distinct call stack that allocates, or makes a system call, gets
 * an entry in it. Where table.fail is an entry's hash, the first allocation or call from there
 * fails; with table.ever, all that come later fail too, whatever their stack and process. At the
 * main process's exit, entries say how many of their blocks were not freed.
 *
 * Return addresses are taken relative to their module, so that a stack's hash is the same in every
 * run. Left alone is what the program's own functions do not ask for (the dynamic loader, what
 * libraries do when they are loaded), and what the modules in fail_stack.c and the functions in
 * table.left_alone ask for. */
#ifndef CLIPCLS_FAIL_H
#define CLIPCLS_FAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DEPTH 24
#define STACKS 8192
#define RANGES 16

enum mode {
	FAIL_ALLOCATIONS,
	FAIL_CALLS,
	FAIL_SHORT, /* no call fails: each one that transfers bytes transfers one */
	FAIL_STORM  /* a signal interrupts what the main process waits for, thousands of times a second
	             */
};

struct stack {
	_Atomic uint64_t hash; /* 0: the entry is free */
	_Atomic uint32_t order, hits, live;
	uint32_t depth;
	char call[16];          /* what was called */
	uint64_t frames[DEPTH]; /* of the innermost: module << 48 | offset; module 0 is the program */
};

struct table {
	uint64_t fail;
	uint32_t ever, mode, error; /* error: errno of what fails */
	_Atomic uint32_t failing, failed, count;
	/* Functions of the program that are another's code: offsets, [start, end) */
	struct {
		uint64_t start, end;
	} left_alone[RANGES];
	struct stack stacks[STACKS];
};

/* NULL without FAIL_TABLE, and before it was opened. */
extern struct table *fail_table;

/* Whether this allocation or call fails, with errno set; says whose it is, NULL when it is left
 * alone. program_only: the program itself must have called, not a library for it. */
bool fail_here(struct stack **stack, enum mode mode, const char *call, bool program_only);

/* The same for a system call. */
bool fail_call(const char *call);

#endif
