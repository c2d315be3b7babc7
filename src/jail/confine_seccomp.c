#include "jail/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>

/* For memory, given descriptors, and ending. */
static const int allowed[] = {
	SCMP_SYS(read),          SCMP_SYS(pread64),      SCMP_SYS(lseek),
	SCMP_SYS(close),         SCMP_SYS(recvmsg),      SCMP_SYS(sendmsg),
	SCMP_SYS(brk),           SCMP_SYS(munmap),       SCMP_SYS(mremap),
	SCMP_SYS(madvise),       SCMP_SYS(futex),        SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),   SCMP_SYS(exit),         SCMP_SYS(exit_group),
};
/* What libraries try and can do without: they are told no. Anything else ends the process. */
static const int refused[] = {
	SCMP_SYS(open),   SCMP_SYS(openat),  SCMP_SYS(access),     SCMP_SYS(faccessat),
	SCMP_SYS(stat),   SCMP_SYS(fstat),   SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(ioctl),  SCMP_SYS(sysinfo), SCMP_SYS(readlink),   SCMP_SYS(write),
	SCMP_SYS(getpid), SCMP_SYS(gettid),
};

static bool add_rules(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) != 0)
			return false;
	/* A call that this architecture does not have is no loss. */
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		(void)seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
	/* Memory, but neither files nor code in it. */
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
	                        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
	                        SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	                        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

bool confine_system_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool done = filter != NULL && add_rules(filter) && seccomp_load(filter) == 0;
	/* Not released: freeing it may take a call that is no longer there. */
	return done;
}

const char *confine_name(void)
{
	static char name[64];
	const struct scmp_version *version = seccomp_version();
	if (version == NULL)
		return "libseccomp";
	snprintf(name, sizeof name, "libseccomp %u.%u.%u", version->major, version->minor,
	         version->micro);
	return name;
}
