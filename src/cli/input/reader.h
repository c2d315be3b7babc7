/* Bytes of a file or a pipe as they come: what has arrived can be used without waiting for more. */
#ifndef CLIPCLS_CLI_INPUT_READER_H
#define CLIPCLS_CLI_INPUT_READER_H

#include <stdbool.h>
#include <stddef.h>

/* bytes[start..end) have been read and not been taken. */
struct reader {
	int fd;
	char *bytes;
	size_t start, end, capacity;
};

/* name: "-" is stdin. False, with errno set, when it cannot be opened. */
bool reader_open(struct reader *reader, const char *name);
/* Closes the file, but not stdin. */
void reader_close(struct reader *reader);

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

#endif
