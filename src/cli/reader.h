/* Bytes of a file or a pipe as they come: what has arrived can be used without waiting for more. */
#ifndef CLIPCLS_CLI_READER_H
#define CLIPCLS_CLI_READER_H

#include <stdbool.h>
#include <stddef.h>

/* bytes[start..end) have been read and not been taken. Zero-initialise, but for fd. */
struct reader {
	int fd;
	char *bytes;
	size_t start, end, capacity;
};

enum reader_news {
	READER_MORE,  /* something was added behind `end` */
	READER_LATER, /* nothing is there yet */
	READER_END,
	READER_FAILED /* errno says why */
};

/* Reads on. wait: sleeps until something comes, and never says READER_LATER. The bytes held may
 * move. */
enum reader_news reader_read(struct reader *reader, bool wait);
/* Takes n of the bytes held. */
void reader_take(struct reader *reader, size_t n);
void reader_free(struct reader *reader);

#endif
