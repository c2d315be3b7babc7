/* Between a jail's processes: what is sent and received, and what ends. */
#include "unit.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "classify/decode.h"
#include "jail/channel.h"
#include "jail/confine.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static clipcls_error error;

static void a_message_comes_with_its_descriptor_or_without(void **state)
{
	int ends[2], pipe_ends[2], received = 0;
	char text[4] = "";
	(void)state;
	assert_true(channel_open(ends));
	assert_int_equal(pipe(pipe_ends), 0);
	assert_true(channel_send(ends[0], "abc", 4, pipe_ends[1]));
	assert_true(channel_receive(ends[1], text, 4, &received));
	assert_string_equal(text, "abc");
	assert_int_equal(write(received, "x", 1), 1);
	assert_int_equal(read(pipe_ends[0], text, 1), 1);
	close(received);
	assert_true(channel_send(ends[0], "abc", 4, -1));
	assert_true(channel_receive(ends[1], text, 4, &received));
	assert_int_equal(received, -1);
	assert_true(channel_send(ends[0], "ab", 2, -1));
	assert_false(channel_receive(ends[1], text, 4, &received)); /* too short */
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(pipe_ends[i]);
	}
}

static void an_end_that_is_gone_is_noticed_and_kills_nobody(void **state)
{
	int ends[2], received;
	char byte;
	(void)state;
	assert_true(channel_open(ends));
	close(ends[1]);
	assert_false(channel_send(ends[0], "x", 1, -1));
	assert_true(channel_wait(ends[0], 1)); /* its end can be read */
	assert_false(channel_receive(ends[0], &byte, 1, &received));
	assert_int_equal(received, -1);
	close(ends[0]);
	assert_false(channel_receive(ends[0], &byte, 1, &received));
	assert_int_equal(received, -1);
}

static void on_alarm(int number)
{
	(void)number;
}

/* Signals that come every 10 ms neither end waiting nor lengthen it. */
static void signals_do_not_end_the_waiting(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { 0 };
	int ends[2];
	(void)state;
	assert_true(channel_open(ends));
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	setitimer(ITIMER_REAL, &often, NULL);
	double start = clock_seconds();
	assert_false(channel_wait(ends[0], 0.2));
	double waited = clock_seconds() - start;
	setitimer(ITIMER_REAL, &never, NULL);
	assert_true(waited >= 0.2 && waited < 5);
	assert_false(channel_wait(ends[0], -1));
	close(ends[0]);
	close(ends[1]);
}

static void *send_late(void *end)
{
	sigset_t all;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	usleep(100000);
	channel_send(*(int *)end, "x", 1, -1);
	return NULL;
}

static void signals_do_not_end_the_receiving(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 10000 }, { 0, 10000 } }, never = { 0 };
	pthread_t thread;
	int ends[2];
	char byte = 0;
	(void)state;
	assert_true(channel_open(ends));
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_late, &ends[0]), 0);
	setitimer(ITIMER_REAL, &often, NULL);
	bool good = channel_receive(ends[1], &byte, 1, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	pthread_join(thread, NULL);
	assert_true(good && byte == 'x');
	close(ends[0]);
	close(ends[1]);
}

static clipcls_status nothing(void *out, int fd, const void *job, const void *context,
                              clipcls_error *failure)
{
	(void)out;
	(void)fd;
	(void)job;
	(void)context;
	(void)failure;
	return CLIPCLS_OK;
}

static void a_jail_that_cannot_be_made_says_what_is_missing(void **state)
{
	struct jail_spec spec = {
		.run = nothing, .workers = 1, .out_bytes = SIZE_MAX, .job_bytes = 1, .seconds = 1
	};
	struct rlimit before, none;
	struct jail *jail = NULL;
	(void)state;
	assert_error(jail_new(&jail, &spec, &error), CLIPCLS_ERR_UNSUPPORTED, "decode in: mmap");
	spec.out_bytes = SIZE_MAX / 4;
	spec.workers = 8;
	assert_error(jail_new(&jail, &spec, &error), CLIPCLS_ERR_UNSUPPORTED, "decode in: mmap");
	spec.out_bytes = SIZE_MAX / 4;
	spec.workers = 1;
	assert_error(jail_new(&jail, &spec, &error), CLIPCLS_ERR_UNSUPPORTED, "decode in: mmap");
	spec.out_bytes = 1;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	clipcls_status status = jail_new(&jail, &spec, &error);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_error(status, CLIPCLS_ERR_UNSUPPORTED, "decode in: socketpair: Too many open files");
	assert_null(jail);
}

static void what_protects_is_put_into_words(void **state)
{
	struct buffer out = { 0 };
	(void)state;
	decode_describe(&out, 0);
	assert_string_equal(out.bytes, "processes, system calls not filtered");
	buffer_clear(&out);
	decode_describe(&out, CONFINED_LANDLOCK | CONFINED_MEMORY);
	assert_string_equal(out.bytes, "processes, landlock, memory limit, system calls not filtered");
	buffer_clear(&out);
	if (confine_name() != NULL) {
		decode_describe(&out, CONFINED_SECCOMP);
		assert_non_null(strstr(out.bytes, "processes, seccomp (libseccomp "));
		assert_null(strstr(out.bytes, "not filtered"));
	}
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_with_its_descriptor_or_without),
		cmocka_unit_test(an_end_that_is_gone_is_noticed_and_kills_nobody),
		cmocka_unit_test(signals_do_not_end_the_waiting),
		cmocka_unit_test(signals_do_not_end_the_receiving),
		cmocka_unit_test(a_jail_that_cannot_be_made_says_what_is_missing),
		cmocka_unit_test(what_protects_is_put_into_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
