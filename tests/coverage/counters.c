/* What the counters of gcov need of processes that end otherwise than by exit(): they are written
 * into files when a process ends, and the jail's never come back from _exit() or a SIGKILL. Linked
 * with --wrap in the coverage build alone. */
#include "jail/confine.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MILLISECONDS_TO_END 300

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
int __real_kill(pid_t process, int number);
_Noreturn void __wrap__exit(int status);
int __wrap_kill(pid_t process, int number);
unsigned __wrap_confine(size_t memory);

_Noreturn void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

static bool has_ended(pid_t process)
{
	siginfo_t child = { 0 };
	return waitid(P_PID, (id_t)process, &child, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       child.si_pid == process;
}

/* A worker whose channel is closed ends by itself; only one that hangs is killed. */
int __wrap_kill(pid_t process, int number)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	for (int i = 0; number == SIGKILL && i < MILLISECONDS_TO_END && !has_ended(process); i++)
		nanosleep(&millisecond, NULL);
	return __real_kill(process, number);
}

/* Who has given up files and system calls cannot write counters. */
unsigned __wrap_confine(size_t memory)
{
	(void)memory;
	return 0;
}
