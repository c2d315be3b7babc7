/* Loaded before the program (LD_PRELOAD): a JPEG library that misbehaves. What it does is told by
 * the picture's width; any other picture is decoded as ever. A deed that should be out of a
 * decoder's reach and was done leaves a file "taken" and ends the process with status 99, or, where
 * not even that can be done, waits for ever. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CRASH = 60001,
	HANG,
	ABORT,
	EAT_MEMORY,
	OPEN = 60011, /* to write */
	READ,         /* a file of the user's */
	CONNECT,
	FORK,
	EXEC,
	TRACE,
	SIGNAL,
};

typedef int read_header(j_decompress_ptr, boolean);

/* The caller's own library has the function that this one stands before, wherever it was loaded. */
static read_header *original(const void *caller)
{
	Dl_info info;
	void *library =
	    dladdr(caller, &info) != 0 ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
	read_header *own = (read_header *)dlsym(RTLD_NEXT, "jpeg_read_header");
	if (own == NULL && library != NULL)
		own = (read_header *)dlsym(library, "jpeg_read_header");
	return own;
}

static void hang(void)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void eat_memory(void)
{
	for (;;) {
		char *bytes = malloc(1 << 24);
		if (bytes == NULL)
			abort();
		memset(bytes, 1, 1 << 24);
	}
}

static int connect_somewhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                           .sin_port = htons(9),
		                           .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	/* That nobody listens there is no protection. */
	return fd < 0 ? -1 : (connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static int fork_and_end(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid;
}

/* Whether a deed was done. */
static int deed(unsigned what)
{
	char *const arguments[] = { "touch", "taken", NULL };
	switch (what) {
	case OPEN: return open("opened", O_WRONLY | O_CREAT, 0600) >= 0;
	case READ: return open("/etc/passwd", O_RDONLY) >= 0;
	case CONNECT: return connect_somewhere() >= 0;
	case FORK: return fork_and_end() >= 0;
	case EXEC: return execvp(arguments[0], arguments) == 0;
	case TRACE: return ptrace(PTRACE_TRACEME, 0, NULL, NULL) >= 0;
	case SIGNAL: return kill(getppid(), 0) >= 0;
	default: return 0;
	}
}

__attribute__((visibility("default"))) int jpeg_read_header(j_decompress_ptr decoder, boolean whole)
{
	read_header *own = original(__builtin_return_address(0));
	int result = own != NULL ? own(decoder, whole) : JPEG_SUSPENDED;
	switch (decoder->image_width) {
	case CRASH: raise(SIGSEGV); break;
	case HANG: hang(); break;
	case ABORT: abort();
	case EAT_MEMORY: eat_memory(); break;
	default:
		if (deed(decoder->image_width)) {
			if (open("taken", O_WRONLY | O_CREAT, 0600) >= 0)
				_exit(99);
			hang();
		}
	}
	return result;
}
