/* Giving up, for the rest of a process's life, what its work does not take. */
#ifndef CLIPCLS_JAIL_CONFINE_H
#define CLIPCLS_JAIL_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/* What protects a process. */
enum {
	CONFINED_SECCOMP = 1,  /* system calls but those for memory and given descriptors are refused */
	CONFINED_LANDLOCK = 2, /* no file can be opened, whatever the call */
	CONFINED_MEMORY = 4    /* address space is limited */
};

/* memory: bytes that may be allocated from here on. Leaves reading and writing open descriptors,
 * receiving more of them, and memory that is neither shared nor executable. Returns what could be
 * done. */
unsigned confine(size_t memory);

/* The filter of system calls; false where there is none. One file for each library. */
bool confine_system_calls(void);
/* "libseccomp 2.5.4", or NULL in a build without; static text. */
const char *confine_name(void);

#endif
