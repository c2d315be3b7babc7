/* The seed of the library's hash tables, the same each time: a run that is repeated goes the same
 * way, and no input looks new that is not. */
#include <string.h>
#include <sys/random.h>

ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags);

ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags)
{
	(void)flags;
	memset(bytes, 0x5a, n);
	return (ssize_t)n;
}
