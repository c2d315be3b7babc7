/* System calls that fail, or transfer a byte at a time. What the C library does for itself (fopen,
 * opendir) does not come by here. */
#define _GNU_SOURCE
#include "fail.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the program would have called. */
#define REAL(call) ((__typeof__(&call))dlsym(RTLD_NEXT, #call))

static size_t shorter(size_t n)
{
	return fail_table != NULL && fail_table->mode == FAIL_SHORT && n > 1 ? 1 : n;
}

ssize_t read(int fd, void *bytes, size_t n)
{
	return fail_call("read") ? -1 : REAL(read)(fd, bytes, shorter(n));
}

ssize_t write(int fd, const void *bytes, size_t n)
{
	return fail_call("write") ? -1 : REAL(write)(fd, bytes, shorter(n));
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
	return fail_call("pwrite") ? -1 : REAL(pwrite)(fd, bytes, shorter(n), offset);
}

int open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return fail_call("open") ? -1 : REAL(open)(path, flags, mode);
}

/* It is closed all the same, as Linux has it. */
int close(int fd)
{
	int closed = REAL(close)(fd);
	return fail_call("close") ? -1 : closed;
}

int fstat(int fd, struct stat *out)
{
	return fail_call("fstat") ? -1 : REAL(fstat)(fd, out);
}

int stat(const char *path, struct stat *out)
{
	return fail_call("stat") ? -1 : REAL(stat)(path, out);
}

int lstat(const char *path, struct stat *out)
{
	return fail_call("lstat") ? -1 : REAL(lstat)(path, out);
}

int fsync(int fd)
{
	return fail_call("fsync") ? -1 : REAL(fsync)(fd);
}

int rename(const char *from, const char *to)
{
	return fail_call("rename") ? -1 : REAL(rename)(from, to);
}

int fchmod(int fd, mode_t mode)
{
	return fail_call("fchmod") ? -1 : REAL(fchmod)(fd, mode);
}

int mkdir(const char *path, mode_t mode)
{
	return fail_call("mkdir") ? -1 : REAL(mkdir)(path, mode);
}

int mkstemp(char *name)
{
	return fail_call("mkstemp") ? -1 : REAL(mkstemp)(name);
}

int memfd_create(const char *name, unsigned flags)
{
	return fail_call("memfd_create") ? -1 : REAL(memfd_create)(name, flags);
}

int ftruncate(int fd, off_t size)
{
	return fail_call("ftruncate") ? -1 : REAL(ftruncate)(fd, size);
}

FILE *fopen(const char *path, const char *mode)
{
	return fail_call("fopen") ? NULL : REAL(fopen)(path, mode);
}

FILE *tmpfile(void)
{
	return fail_call("tmpfile") ? NULL : REAL(tmpfile)();
}

int socketpair(int domain, int type, int protocol, int ends[2])
{
	return fail_call("socketpair") ? -1 : REAL(socketpair)(domain, type, protocol, ends);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return fail_call("sendmsg") ? -1 : REAL(sendmsg)(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return fail_call("recvmsg") ? -1 : REAL(recvmsg)(fd, message, flags);
}

int poll(struct pollfd *fds, nfds_t n, int milliseconds)
{
	return fail_call("poll") ? -1 : REAL(poll)(fds, n, milliseconds);
}

pid_t fork(void)
{
	return fail_call("fork") ? -1 : REAL(fork)();
}

pid_t waitpid(pid_t process, int *status, int options)
{
	return fail_call("waitpid") ? -1 : REAL(waitpid)(process, status, options);
}
