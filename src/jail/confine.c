#include "jail/confine.h"

#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Address- and ThreadSanitizer map terabytes and make calls of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_CONFINE 0
#else
#define CAN_CONFINE 1
#endif

/* Bytes of address space in use. */
static size_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file == NULL || fscanf(file, "%lu", &pages) != 1)
		pages = 0;
	if (file != NULL)
		fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static bool limit(int resource, rlim_t most)
{
	struct rlimit now;
	if (getrlimit(resource, &now) != 0)
		return false;
	now.rlim_cur = now.rlim_max = most < now.rlim_max ? most : now.rlim_max;
	return setrlimit(resource, &now) == 0;
}

static bool limit_memory(size_t memory)
{
	size_t used = address_space(), most;
	return used > 0 && !__builtin_add_overflow(used, memory, &most) && limit(RLIMIT_AS, most);
}

/* Landlock's rules say what is left; none is. Every right that this kernel knows is given up. */
static bool close_file_system(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1)
		return false;
	/* 13 rights in the first version, one more in each of the next two, and in the fifth. */
	int rights = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
	struct landlock_ruleset_attr all = { .handled_access_fs = ((uint64_t)1 << rights) - 1 };
	long ruleset = syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
	if (ruleset < 0)
		return false;
	bool done = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close((int)ruleset);
	return done;
}

unsigned confine(size_t memory)
{
	unsigned done = 0;
	if (!CAN_CONFINE || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 0;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	if (limit_memory(memory))
		done |= CONFINED_MEMORY;
	if (close_file_system())
		done |= CONFINED_LANDLOCK;
	if (confine_system_calls())
		done |= CONFINED_SECCOMP;
	return done;
}
