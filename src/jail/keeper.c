#include "jail/keeper.h"

#include "base/memory.h"
#include "jail/channel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sockets, the three standard streams, and a picture. */
#define DESCRIPTORS_BELOW 3

/* ---- a worker ------------------------------------------------------------------------------- */

/* The others' results are none of its business. */
static void leave_own_cell(const struct cells *cells, size_t own)
{
	size_t before = own * cells->cell_bytes, after = before + cells->cell_bytes;
	size_t all = cells->count * cells->cell_bytes;
	if (before > 0)
		munmap(cells->bytes, before);
	if (after < all)
		munmap(cells->bytes + after, all - after);
}

static void do_job(struct cell *cell, int fd, const void *job, const struct jail_spec *spec)
{
	clipcls_error error = { 0 };
	cell->status = spec->run(cell->out, fd, job, spec->context, &error);
	memcpy(cell->message, error.message, sizeof cell->message);
}

_Noreturn static void worker_serve(int channel, const struct jail_spec *spec,
                                   const struct cells *cells, size_t own)
{
	struct cell *cell = cells_at(cells, own);
	unsigned char *job = memory_new(spec->job_bytes, 1);
	int fd = -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	leave_own_cell(cells, own);
	struct hello hello = { job != NULL ? confine(spec->memory) : 0 };
	bool good = job != NULL && channel_send(channel, &hello, sizeof hello, -1);
	while (good && channel_receive(channel, job, spec->job_bytes, &fd) && fd >= 0) {
		do_job(cell, fd, job, spec);
		close(fd);
		good = channel_send(channel, "", 1, -1);
	}
	_exit(0);
}

/* ---- the keeper ----------------------------------------------------------------------------- */

/* What the user's process had open is none of theirs: a reader of its output waits for the end of
 * all who hold it. */
static int close_descriptors(int channel)
{
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; null >= 0 && fd < DESCRIPTORS_BELOW; fd++)
		if (fd != channel)
			dup2(null, fd);
	/* The channel becomes the first one behind the standard streams, and nothing comes after. */
	if (channel != DESCRIPTORS_BELOW) {
		dup2(channel, DESCRIPTORS_BELOW);
		channel = DESCRIPTORS_BELOW;
	}
	if (close_range(DESCRIPTORS_BELOW + 1, ~0u, 0) != 0)
		for (int fd = DESCRIPTORS_BELOW + 1; fd < sysconf(_SC_OPEN_MAX) && fd < 65536; fd++)
			close(fd);
	return channel;
}

/* A host's handlers and mask are no business of ours: what they jump to is not here. A terminal's
 * signals go to all processes; these end when their user does. */
static void reset_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP };
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void end_worker(pid_t *worker)
{
	if (*worker <= 0)
		return;
	kill(*worker, SIGKILL);
	waitpid(*worker, NULL, 0);
	*worker = 0;
}

/* A new worker, and our answer with its channel. */
static bool start_worker(pid_t *worker, int channel, const struct order *order,
                         const struct jail_spec *spec, const struct cells *cells)
{
	int ends[2];
	if (!channel_open(ends))
		return channel_send(channel, &order->number, sizeof order->number, -1);
	*worker = fork();
	if (*worker == 0) {
		close(channel);
		close(ends[0]);
		worker_serve(ends[1], spec, cells, order->worker);
	}
	bool sent =
	    channel_send(channel, &order->number, sizeof order->number, *worker > 0 ? ends[0] : -1);
	close(ends[0]);
	close(ends[1]);
	return sent;
}

_Noreturn void keeper_serve(int channel, const struct jail_spec *spec, const struct cells *cells)
{
	struct order order;
	pid_t *workers = memory_new(cells->count, sizeof *workers);
	prctl(PR_SET_NAME, "clipcls-keeper");
	reset_signals();
	channel = close_descriptors(channel);
	while (workers != NULL && channel_receive(channel, &order, sizeof order, NULL) &&
	       order.worker < cells->count) {
		end_worker(&workers[order.worker]);
		if (!start_worker(&workers[order.worker], channel, &order, spec, cells))
			break;
	}
	for (size_t i = 0; workers != NULL && i < cells->count; i++)
		end_worker(&workers[i]);
	_exit(0);
}
