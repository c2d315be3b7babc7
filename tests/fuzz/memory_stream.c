/* A stream in memory that arrives in pieces, in place of what cli/input/reader.h opens; and the
 * program's messages, which would be millions of lines. */
#include "fuzz.h"

#include "cli/cli.h"
#include "cli/input/reader.h"

bool __wrap_reader_open(struct reader *reader, const char *name);
void __wrap_reader_close(struct reader *reader);
enum reader_news __wrap_reader_read(struct reader *reader, bool wait);

static const uint8_t *stream;
static size_t stream_size, stream_piece;

void fuzz_stream(const uint8_t *data, size_t size, size_t piece)
{
	stream = data;
	stream_size = size;
	stream_piece = piece;
}

void complain(const char *format, ...)
{
	(void)format;
}

bool __wrap_reader_open(struct reader *reader, const char *name)
{
	(void)name;
	*reader = (struct reader){ 0 };
	return true;
}

void __wrap_reader_close(struct reader *reader)
{
	free(reader->bytes);
	*reader = (struct reader){ 0 };
}

/* What has arrived lies where a step beyond it is seen. */
enum reader_news __wrap_reader_read(struct reader *reader, bool wait)
{
	size_t left = stream_size - reader->end, n = left < stream_piece ? left : stream_piece;
	(void)wait;
	if (n == 0)
		return READER_END;
	free(reader->bytes);
	reader->end += n;
	reader->bytes = (char *)fuzz_copy(stream, reader->end);
	return READER_MORE;
}
