/* Workers that do what a broken or hostile decoder might. */
#include "unit.h"

#include "base/error.h"
#include "jail/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUT 64
#define MEMORY ((size_t)64 << 20)
/* A sanitizer's report on a crash takes its time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SECONDS 5
#else
#define SECONDS 0.3
#endif

enum deed {
	READ,      /* what is asked for: out = the descriptor's bytes */
	FAIL,      /* an error of its own */
	CRASH,     /* writes to nowhere */
	HANG,      /* for ever */
	EAT,       /* all memory there is */
	LIE,       /* a status and a message that are none */
	OPEN,      /* a file */
	OPENED,    /* writes through the descriptor that it was given */
	CONNECT,   /* to somewhere */
	FORK,      /* another process */
	EXEC,      /* another program */
	TRACE,     /* its parent */
	KILL,      /* its parent */
	CODE,      /* memory that may be run */
	NEIGHBOUR, /* writes into another worker's result */
};

static _Thread_local clipcls_error error;

static clipcls_status eat(void)
{
	size_t most = 16 * MEMORY;
	for (size_t eaten = 0; eaten < most; eaten += 1 << 20) {
		char *piece = malloc(1 << 20);
		if (piece == NULL)
			return CLIPCLS_ERR_MEMORY;
		memset(piece, 1, 1 << 20);
	}
	return CLIPCLS_OK;
}

/* Memory that is not the worker's, read as the compiler cannot foresee. */
static volatile size_t nowhere = 16;

static clipcls_status act(void *out, int fd, const void *job, const void *context,
                          clipcls_error *failure)
{
	char *result = out;
	char *const no_arguments[] = { "true", NULL };
	memset(result, 0, OUT);
	switch (*(const enum deed *)job) {
	case READ: return read(fd, result, OUT - 1) >= 0 ? CLIPCLS_OK : CLIPCLS_ERR_IO;
	case FAIL: return error_set(failure, CLIPCLS_ERR_DECODE, "as %s", (const char *)context);
	case CRASH: *(volatile char *)nowhere = 1; return CLIPCLS_OK;
	case HANG:
		while (nowhere > 0)
			;
		return CLIPCLS_OK;
	case EAT: return eat();
	case LIE: memset(failure->message, 'x', sizeof failure->message); return (clipcls_status)9999;
	case OPEN: result[0] = open("/etc/passwd", O_RDONLY) >= 0 ? 'y' : 'n'; return CLIPCLS_OK;
	case OPENED: result[0] = write(fd, "x", 1) == 1 ? 'y' : 'n'; return CLIPCLS_OK;
	case CONNECT: result[0] = socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 'y' : 'n'; return CLIPCLS_OK;
	case FORK: result[0] = fork() >= 0 ? 'y' : 'n'; return CLIPCLS_OK;
	case EXEC: execv("/bin/true", no_arguments); return CLIPCLS_OK;
	case TRACE: result[0] = ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 'y' : 'n'; return CLIPCLS_OK;
	case KILL: result[0] = kill(getppid(), 0) == 0 ? 'y' : 'n'; return CLIPCLS_OK;
	case CODE:
		result[0] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		                    MAP_FAILED
		                ? 'y'
		                : 'n';
		return CLIPCLS_OK;
	case NEIGHBOUR: memset(result + 65536, 'x', OUT); return CLIPCLS_OK;
	}
	return CLIPCLS_OK;
}

static struct jail *open_jail(size_t workers)
{
	static const char context[] = "asked";
	const struct jail_spec spec = { .run = act,
		                            .context = context,
		                            .workers = workers,
		                            .out_bytes = OUT,
		                            .job_bytes = sizeof(enum deed),
		                            .memory = MEMORY,
		                            .seconds = SECONDS };
	struct jail *jail = NULL;
	assert_ok(jail_new(&jail, &spec, &error));
	return jail;
}

static clipcls_status do_as(char *out, struct jail *jail, size_t worker, enum deed deed)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "bytes", 5), 5);
	close(ends[1]);
	clipcls_status status = jail_run(out, OUT, jail, worker, ends[0], &deed, "a.jpg", &error);
	close(ends[0]);
	return status;
}

/* The worker, or its successor, does what is asked for. */
static void expect_work(struct jail *jail, size_t worker)
{
	char out[OUT];
	assert_ok(do_as(out, jail, worker, READ));
	assert_string_equal(out, "bytes");
}

static void a_job_is_done(void **state)
{
	struct jail *jail = open_jail(2);
	(void)state;
	for (size_t i = 0; i < 10; i++)
		expect_work(jail, i % 2);
	jail_free(jail);
}

static void an_error_comes_as_it_was_set(void **state)
{
	struct jail *jail = open_jail(1);
	char out[OUT] = "as before";
	(void)state;
	assert_error(do_as(out, jail, 0, FAIL), CLIPCLS_ERR_DECODE, "as asked");
	assert_string_equal(out, "as before");
	expect_work(jail, 0);
	jail_free(jail);
}

static void a_crash_and_a_hang_cost_one_job_each(void **state)
{
	struct jail *jail = open_jail(2);
	char out[OUT];
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_error(do_as(out, jail, 0, CRASH), CLIPCLS_ERR_DECODE, "a.jpg: the decoder crashed");
		expect_work(jail, 0);
		assert_error(do_as(out, jail, 0, HANG), CLIPCLS_ERR_LIMIT, "a.jpg: decoding takes more");
		expect_work(jail, 1);
		expect_work(jail, 0);
	}
	jail_free(jail);
}

static void what_a_worker_says_is_not_trusted(void **state)
{
	struct jail *jail = open_jail(1);
	char out[OUT];
	(void)state;
	assert_int_equal(do_as(out, jail, 0, LIE), CLIPCLS_ERR_DECODE);
	assert_true(strlen(error.message) < sizeof error.message);
	expect_work(jail, 0);
	jail_free(jail);
}

static void a_worker_cannot_reach_another_s_result(void **state)
{
	struct jail *jail = open_jail(40); /* so that the others lie around it */
	char out[OUT];
	(void)state;
	assert_error(do_as(out, jail, 7, NEIGHBOUR), CLIPCLS_ERR_DECODE, "crashed");
	expect_work(jail, 7);
	jail_free(jail);
}

/* Whether this system and this build have a protection; says so where not. A filter must be there
 * where the kernel and the library are. */
static bool has(struct jail *jail, unsigned what, const char *name)
{
	unsigned protection = 0;
	assert_ok(jail_protection(&protection, jail, &error));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(CLIPCLS_COVERAGE)
	if (confine_name() != NULL && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
		assert_true(protection & CONFINED_SECCOMP);
	assert_true(protection & CONFINED_MEMORY);
#endif
	if ((protection & what) == 0)
		print_message("not here: %s\n", name);
	return (protection & what) != 0;
}

static void memory_has_an_end(void **state)
{
	struct jail *jail = open_jail(1);
	char out[OUT];
	(void)state;
	if (has(jail, CONFINED_MEMORY, "a limit on memory"))
		assert_int_equal(do_as(out, jail, 0, EAT), CLIPCLS_ERR_MEMORY);
	expect_work(jail, 0);
	jail_free(jail);
}

/* Refused, or the end of the process. */
static void nothing_but_the_picture_can_be_had(void **state)
{
	static const enum deed deeds[] = { OPEN, OPENED, CONNECT, FORK, EXEC, TRACE, KILL, CODE };
	struct jail *jail = open_jail(1);
	(void)state;
	for (size_t i = 0; has(jail, CONFINED_SECCOMP, "a filter of system calls") &&
	                   i < sizeof deeds / sizeof *deeds;
	     i++) {
		char out[OUT] = "";
		clipcls_status status = do_as(out, jail, 0, deeds[i]);
		if (status == CLIPCLS_OK)
			assert_int_equal(out[0], 'n');
		else
			assert_error(status, CLIPCLS_ERR_DECODE, "crashed");
		expect_work(jail, 0);
	}
	jail_free(jail);
}

static void no_process_is_left(void **state)
{
	struct jail *jail = open_jail(3);
	char out[OUT];
	(void)state;
	for (size_t i = 0; i < 3; i++)
		expect_work(jail, i);
	do_as(out, jail, 1, HANG);
	jail_free(jail);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* In the place of the C library's: fails once where a test wants that. */
static bool fail_next_receive;
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (fail_next_receive) {
		fail_next_receive = false;
		errno = EIO;
		return -1;
	}
	return syscall(SYS_recvmsg, fd, message, flags);
}

static void an_answer_that_was_missed_is_not_taken_for_the_next_one(void **state)
{
	struct jail *jail = open_jail(3);
	char out[OUT];
	(void)state;
	expect_work(jail, 0);
	fail_next_receive = true;
	assert_int_equal(do_as(out, jail, 1, READ), CLIPCLS_ERR_UNSUPPORTED);
	for (size_t worker = 3; worker-- > 0;)
		expect_work(jail, worker);
	jail_free(jail);
}

static void *work_often(void *argument)
{
	struct jail *jail = ((void **)argument)[0];
	for (size_t i = 0; i < 50; i++) {
		char out[OUT];
		if (i % 10 == 3)
			do_as(out, jail, (size_t)((void **)argument)[1], CRASH);
		expect_work(jail, (size_t)((void **)argument)[1]);
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	struct jail *jail = open_jail(4);
	pthread_t threads[4];
	void *arguments[4][2];
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		arguments[i][0] = jail;
		arguments[i][1] = (void *)i;
		assert_int_equal(pthread_create(&threads[i], NULL, work_often, arguments[i]), 0);
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	jail_free(jail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_is_done),
		cmocka_unit_test(an_error_comes_as_it_was_set),
		cmocka_unit_test(a_crash_and_a_hang_cost_one_job_each),
		cmocka_unit_test(what_a_worker_says_is_not_trusted),
		cmocka_unit_test(a_worker_cannot_reach_another_s_result),
		cmocka_unit_test(memory_has_an_end),
		cmocka_unit_test(nothing_but_the_picture_can_be_had),
		cmocka_unit_test(no_process_is_left),
		cmocka_unit_test(an_answer_that_was_missed_is_not_taken_for_the_next_one),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
