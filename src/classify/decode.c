#include "classify/decode.h"

#include "base/checked.h"
#include "base/file.h"
#include "image/preprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A picture file larger than this is not read. */
#define IMAGE_FILE_LIMIT ((size_t)1 << 30)
/* What a picture of a pixel may take, all its copies together, and what everything else takes. */
#define BYTES_PER_PIXEL 24
#define BYTES_BESIDE (IMAGE_FILE_LIMIT + ((size_t)1 << 29))

/* The thumbnail's numbers are aligned. */
static size_t thumbnail_place(size_t S)
{
	return size_round_up(S * S * 3, sizeof(uint64_t));
}

size_t decode_bytes(size_t S, size_t thumbnail_size)
{
	return thumbnail_place(S) + (thumbnail_size > 0 ? thumbnail_bytes(thumbnail_size) : 0);
}

struct thumbnail *decode_thumbnail(uint8_t *rgb, size_t S)
{
	return (struct thumbnail *)(void *)(rgb + thumbnail_place(S));
}

clipcls_status decode_check_options(const clipcls_image_options *options, clipcls_error *error)
{
	if (options != NULL && options->thumbnail_size > CLIPCLS_THUMBNAIL_LIMIT)
		return error_set(error, CLIPCLS_ERR_ARGUMENT, "a thumbnail has %d pixels a side at most",
		                 CLIPCLS_THUMBNAIL_LIMIT);
	return CLIPCLS_OK;
}

static clipcls_status take_bytes(uint8_t *rgb, const void *bytes, size_t size,
                                 const struct model_config *config,
                                 const clipcls_image_options *options, clipcls_error *error)
{
	size_t S = config->vision.image_size;
	return preprocess_picture(rgb, decode_thumbnail(rgb, S), bytes, size, &config->preprocess, S,
	                          options, DECODE_NAME, error);
}

/* ---- in a worker ---------------------------------------------------------------------------- */

static clipcls_status run_job(void *rgb, int fd, const void *job, const void *context,
                              clipcls_error *error)
{
	char *bytes = NULL;
	size_t size;
	clipcls_status status = file_read_fd(&bytes, &size, fd, DECODE_NAME, IMAGE_FILE_LIMIT, error);
	if (status == CLIPCLS_OK)
		status = take_bytes(rgb, bytes, size, context, job, error);
	free(bytes);
	return status;
}

clipcls_status decode_jail(struct jail **out, const struct model_config *config, size_t workers,
                           double seconds, size_t pixels, clipcls_error *error)
{
	size_t S = config->vision.image_size, memory;
	if (!size_mul(pixels, BYTES_PER_PIXEL, &memory) || !size_add(memory, BYTES_BESIDE, &memory))
		memory = SIZE_MAX;
	const struct jail_spec spec = { .run = run_job,
		                            .context = config,
		                            .workers = workers,
		                            .out_bytes = decode_bytes(S, CLIPCLS_THUMBNAIL_LIMIT),
		                            .job_bytes = sizeof(clipcls_image_options),
		                            .memory = memory,
		                            .seconds = seconds };
	return jail_new(out, &spec, error);
}

/* ---- for a worker --------------------------------------------------------------------------- */

/* A file in memory with these bytes; -1 when there can be none: errno says why. */
static int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("picture", MFD_CLOEXEC);
	const char *next = bytes;
	while (fd >= 0 && size > 0) {
		ssize_t n = write(fd, next, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int reason = errno;
			close(fd);
			errno = reason;
			return -1;
		}
		next += n;
		size -= (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* What a worker may read: a file as it is, the bytes of anything else. It must not wait for a slow
 * pipe, which is no fault of the picture. */
static clipcls_status open_input(int *fd, const clipcls_input *input, clipcls_error *error)
{
	struct stat st;
	char *read = NULL;
	size_t size = input->size;
	const void *bytes = input->bytes;
	*fd = -1;
	if (bytes == NULL) {
		clipcls_status status = file_open(fd, input->path, DECODE_NAME, 0, error);
		if (status != CLIPCLS_OK || (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode)))
			return status;
		status = file_read_fd(&read, &size, *fd, DECODE_NAME, IMAGE_FILE_LIMIT, error);
		close(*fd);
		*fd = -1;
		if (status != CLIPCLS_OK)
			return status;
		bytes = read;
	}
	*fd = file_of(bytes, size);
	int reason = errno;
	free(read);
	if (*fd >= 0)
		return CLIPCLS_OK;
	return reason == ENOMEM ? error_memory(error)
	                        : error_set(error, CLIPCLS_ERR_IO, "%s: cannot keep it in memory: %s",
	                                    DECODE_NAME, strerror(reason));
}

static clipcls_status decode_here(uint8_t *rgb, const clipcls_input *input,
                                  const struct model_config *config,
                                  const clipcls_image_options *options, clipcls_error *error)
{
	char *read = NULL;
	size_t size = input->size;
	const void *bytes = input->bytes;
	clipcls_status status = CLIPCLS_OK;
	if (bytes == NULL) {
		status = file_read_as(&read, &size, input->path, DECODE_NAME, IMAGE_FILE_LIMIT, error);
		bytes = read;
	}
	if (status == CLIPCLS_OK)
		status = take_bytes(rgb, bytes, size, config, options, error);
	free(read);
	return status;
}

clipcls_status decode_picture(uint8_t *rgb, struct jail *jail, size_t worker,
                              const clipcls_input *input, const struct model_config *config,
                              const clipcls_image_options *options, clipcls_error *error)
{
	static const clipcls_image_options defaults = { 0 };
	int fd;
	if (jail == NULL)
		return decode_here(rgb, input, config, options, error);
	clipcls_status status = open_input(&fd, input, error);
	if (status != CLIPCLS_OK)
		return status;
	const clipcls_image_options *use = options != NULL ? options : &defaults;
	size_t S = config->vision.image_size;
	status = jail_run(rgb, decode_bytes(S, use->thumbnail_size), jail, worker, fd, use, DECODE_NAME,
	                  error);
	close(fd);
	/* What the process says of it may be anything. */
	if (status == CLIPCLS_OK && use->thumbnail_size > 0 &&
	    !thumbnail_is_possible(decode_thumbnail(rgb, S), use->thumbnail_size))
		status = error_set(error, CLIPCLS_ERR_DECODE, "%s: the decoder made no possible thumbnail",
		                   DECODE_NAME);
	return status;
}

const char *decode_reason(const char *message)
{
	const char prefix[] = DECODE_NAME ": ";
	size_t n = sizeof prefix - 1;
	return strncmp(message, prefix, n) == 0 ? message + n : message;
}

void decode_describe(struct buffer *out, unsigned protection)
{
	buffer_text(out, "processes");
	if (protection & CONFINED_SECCOMP)
		buffer_format(out, ", seccomp (%s)", confine_name());
	if (protection & CONFINED_LANDLOCK)
		buffer_text(out, ", landlock");
	if (protection & CONFINED_MEMORY)
		buffer_text(out, ", memory limit");
	if (!(protection & CONFINED_SECCOMP))
		buffer_text(out, ", system calls not filtered");
}

void decode_describe_here(struct buffer *out)
{
	const struct jail_spec spec = { .run = run_job,
		                            .workers = 1,
		                            .out_bytes = 1,
		                            .job_bytes = 1,
		                            .memory = BYTES_BESIDE,
		                            .seconds = 1 };
	struct jail *jail = NULL;
	unsigned protection = 0;
	if (jail_new(&jail, &spec, NULL) == CLIPCLS_OK &&
	    jail_protection(&protection, jail, NULL) == CLIPCLS_OK)
		decode_describe(out, protection);
	else
		buffer_text(out, "none");
	jail_free(jail);
}
