#include "cli/input/reader.h"

#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST_READ ((size_t)1 << 16)

bool reader_open(struct reader *reader, const char *name)
{
	bool from_stdin = strcmp(name, "-") == 0;
	*reader = (struct reader){ .fd = from_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC) };
	return reader->fd >= 0;
}

void reader_close(struct reader *reader)
{
	if (reader->fd > STDIN_FILENO)
		close(reader->fd);
	free(reader->bytes);
	*reader = (struct reader){ 0 };
}

/* Room for LEAST_READ behind `end`: what has been taken is overwritten first. */
static bool make_room(struct reader *reader)
{
	size_t held = reader->end - reader->start;
	if (reader->capacity - reader->end >= LEAST_READ)
		return true;
	if (held > 0)
		memmove(reader->bytes, reader->bytes + reader->start, held);
	reader->start = 0;
	reader->end = held;
	if (reader->capacity - held >= LEAST_READ)
		return true;
	if (reader->capacity > SIZE_MAX / 2 - LEAST_READ) {
		errno = ENOMEM;
		return false;
	}
	size_t capacity = 2 * reader->capacity + LEAST_READ;
	char *grown = realloc(reader->bytes, capacity);
	if (grown == NULL)
		return false;
	reader->bytes = grown;
	reader->capacity = capacity;
	return true;
}

enum reader_news reader_read(struct reader *reader, bool wait)
{
	struct pollfd ready = { .fd = reader->fd, .events = POLLIN };
	int news = poll(&ready, 1, wait ? -1 : 0);
	while (news < 0 && errno == EINTR && !interrupt_asked())
		news = poll(&ready, 1, wait ? -1 : 0);
	if (interrupt_asked())
		return READER_END;
	/* A failed poll is left to read, which says why. */
	if (news == 0)
		return READER_LATER;
	if (!make_room(reader))
		return READER_FAILED;
	for (;;) {
		ssize_t n = read(reader->fd, reader->bytes + reader->end, reader->capacity - reader->end);
		if (n > 0) {
			reader->end += (size_t)n;
			return READER_MORE;
		}
		if (n == 0)
			return READER_END;
		if (errno != EINTR)
			return READER_FAILED;
	}
}

void reader_take(struct reader *reader, size_t n)
{
	reader->start += n;
}
