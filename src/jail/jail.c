#include "jail/jail.h"

#include "base/checked.h"
#include "base/memory.h"
#include "jail/channel.h"
#include "jail/keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A worker is there within milliseconds. */
#define SECONDS_TO_START 30

struct jail {
	struct jail_spec spec;
	struct cells cells;
	int *channels; /* to each worker; -1 = there is none */
	int keeper;    /* the channel to it */
	pid_t keeper_pid;
	pthread_mutex_t ordering; /* the keeper is asked by one thread at a time */
	size_t orders;            /* given to it so far */
	atomic_uint protection;   /* of the worker that was started last */
};

static clipcls_status unsupported(clipcls_error *error, const char *what)
{
	return error_set(error, CLIPCLS_ERR_UNSUPPORTED, "no process to decode in: %s: %s", what,
	                 strerror(errno));
}

static bool share_cells(struct cells *cells, const struct jail_spec *spec)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes;
	if (spec->out_bytes > SIZE_MAX / 2 - sizeof(struct cell) - page)
		return false;
	*cells =
	    (struct cells){ .cell_bytes = size_round_up(sizeof(struct cell) + spec->out_bytes, page),
		                .count = spec->workers };
	if (!size_mul(cells->cell_bytes, cells->count, &bytes))
		return false;
	void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cells->bytes = shared != MAP_FAILED ? shared : NULL;
	return cells->bytes != NULL;
}

static clipcls_status fork_keeper(struct jail *jail, clipcls_error *error)
{
	int ends[2];
	if (!channel_open(ends))
		return unsupported(error, "socketpair");
	jail->keeper_pid = fork();
	if (jail->keeper_pid == 0) {
		close(ends[0]);
		keeper_serve(ends[1], &jail->spec, &jail->cells);
	}
	close(ends[1]);
	jail->keeper = ends[0];
	return jail->keeper_pid > 0 ? CLIPCLS_OK : unsupported(error, "fork");
}

clipcls_status jail_new(struct jail **out, const struct jail_spec *spec, clipcls_error *error)
{
	*out = NULL;
	struct jail *jail = memory_new(1, sizeof *jail);
	if (jail == NULL)
		return error_memory(error);
	jail->spec = *spec;
	jail->keeper = -1;
	pthread_mutex_init(&jail->ordering, NULL);
	jail->channels = memory_new(spec->workers, sizeof *jail->channels);
	clipcls_status status = CLIPCLS_OK;
	if (jail->channels == NULL)
		status = error_memory(error);
	for (size_t i = 0; jail->channels != NULL && i < spec->workers; i++)
		jail->channels[i] = -1;
	if (status == CLIPCLS_OK && !share_cells(&jail->cells, spec))
		status = unsupported(error, "mmap");
	if (status == CLIPCLS_OK)
		status = fork_keeper(jail, error);
	if (status != CLIPCLS_OK)
		jail_free(jail);
	else
		*out = jail;
	return status;
}

void jail_free(struct jail *jail)
{
	if (jail == NULL)
		return;
	for (size_t i = 0; jail->channels != NULL && i < jail->spec.workers; i++)
		if (jail->channels[i] >= 0)
			close(jail->channels[i]);
	if (jail->keeper >= 0)
		close(jail->keeper); /* which ends it, and it its workers */
	if (jail->keeper_pid > 0)
		while (waitpid(jail->keeper_pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (jail->cells.bytes != NULL)
		munmap(jail->cells.bytes, jail->cells.cell_bytes * jail->cells.count);
	pthread_mutex_destroy(&jail->ordering);
	free(jail->channels);
	free(jail);
}

static void drop_worker(struct jail *jail, size_t worker)
{
	if (jail->channels[worker] >= 0)
		close(jail->channels[worker]);
	jail->channels[worker] = -1;
}

/* The answer to an order. One that could not be received may lie before it: another worker's
 * channel, whose results are in another cell. */
static bool receive_answer(int *channel, const struct jail *jail, size_t number)
{
	size_t answer;
	while (channel_receive(jail->keeper, &answer, sizeof answer, channel)) {
		if (answer == number)
			return *channel >= 0;
		if (*channel >= 0)
			close(*channel);
		*channel = -1;
	}
	return false;
}

/* Has the keeper start a worker, in place of one that may be there. */
static clipcls_status start(struct jail *jail, size_t worker, clipcls_error *error)
{
	struct hello hello;
	int *channel = &jail->channels[worker];
	pthread_mutex_lock(&jail->ordering);
	struct order order = { worker, ++jail->orders };
	errno = ECHILD;
	bool good = channel_send(jail->keeper, &order, sizeof order, -1) &&
	            receive_answer(channel, jail, order.number);
	pthread_mutex_unlock(&jail->ordering);
	if (!good)
		return unsupported(error, "worker");
	if (!channel_wait(*channel, SECONDS_TO_START) ||
	    !channel_receive(*channel, &hello, sizeof hello, NULL)) {
		drop_worker(jail, worker);
		return unsupported(error, "worker does not answer");
	}
	atomic_store(&jail->protection, hello.protection);
	return CLIPCLS_OK;
}

clipcls_status jail_protection(unsigned *out, struct jail *jail, clipcls_error *error)
{
	clipcls_status status = CLIPCLS_OK;
	if (jail->channels[0] < 0)
		status = start(jail, 0, error);
	*out = atomic_load(&jail->protection);
	return status;
}

/* The cell is written by a process that may be hostile: the status is one of ours, the message
 * ends. */
static clipcls_status take_result(void *out, size_t out_bytes, const struct jail *jail,
                                  size_t worker, clipcls_error *error)
{
	const struct cell *cell = cells_at(&jail->cells, worker);
	int status = cell->status;
	char message[sizeof cell->message];
	if (status == CLIPCLS_OK) {
		memcpy(out, cell->out, out_bytes);
		return CLIPCLS_OK;
	}
	memcpy(message, cell->message, sizeof message);
	message[sizeof message - 1] = '\0';
	if (status < 0 || status > CLIPCLS_ERR_STOPPED)
		status = CLIPCLS_ERR_DECODE;
	return error_set(error, (clipcls_status)status, "%s", message);
}

clipcls_status jail_run(void *out, size_t out_bytes, struct jail *jail, size_t worker, int fd,
                        const void *job, const char *name, clipcls_error *error)
{
	int *channel = &jail->channels[worker];
	char done;
	clipcls_status status = *channel < 0 ? start(jail, worker, error) : CLIPCLS_OK;
	if (status != CLIPCLS_OK) {
		error_prefix(error, "%s: ", name);
		return status;
	}
	bool given = channel_send(*channel, job, jail->spec.job_bytes, fd);
	if (!given) { /* it ended without a job: that is no fault of this one */
		drop_worker(jail, worker);
		given = start(jail, worker, error) == CLIPCLS_OK &&
		        channel_send(*channel, job, jail->spec.job_bytes, fd);
	}
	if (given && !channel_wait(*channel, jail->spec.seconds)) {
		bool late = errno == ETIMEDOUT;
		drop_worker(jail, worker);
		if (late)
			return error_set(error, CLIPCLS_ERR_LIMIT, "%s: decoding takes more than %g s", name,
			                 jail->spec.seconds);
		unsupported(error, "worker");
		error_prefix(error, "%s: ", name);
		return CLIPCLS_ERR_UNSUPPORTED;
	}
	if (!given || !channel_receive(*channel, &done, 1, NULL)) {
		drop_worker(jail, worker);
		return error_set(error, CLIPCLS_ERR_DECODE, "%s: the decoder crashed", name);
	}
	return take_result(out, out_bytes, jail, worker, error);
}
