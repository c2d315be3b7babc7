/* Pictures one behind the other, as --stream takes them
 *
 * The first byte says in which pieces they arrive. However they do, the same frames come out, and
 * their bytes are the stream's. */
#include "fuzz.h"

#include "cli/cli.h"
#include "cli/input/frame_size.h"
#include "cli/input/frames.h"

/* A beginning of the stream says the same as all of it, or that it is too short to say. */
static void check_beginning(const uint8_t *data, size_t size, size_t n)
{
	size_t whole = 0, part = 0;
	enum frame_state of_whole = frame_size(&whole, data, size);
	uint8_t *copy = fuzz_copy(data, n);
	enum frame_state of_part = frame_size(&part, copy, n);
	free(copy);
	if (of_whole == FRAME_WHOLE ? of_part != (n < whole ? FRAME_PART : FRAME_WHOLE)
	                            : of_part == FRAME_WHOLE)
		abort();
	if (of_part == FRAME_WHOLE && (part != whole || part == 0))
		abort();
	if (of_whole == FRAME_PART && of_part == FRAME_UNKNOWN)
		abort();
}

/* How many frames; *hash is of their lengths. */
static size_t take_frames(const uint8_t *data, size_t size, size_t piece, uint64_t *hash)
{
	struct frames frames;
	clipcls_input input;
	size_t at = 0, count = 0;
	bool failed = false;
	fuzz_stream(data, size, piece);
	*hash = 0;
	if (!frames_open(&frames, "input"))
		abort();
	while (frames_next(&frames, &input, true, &failed) == CLIPCLS_NEXT_GIVEN) {
		if (input.size == 0 || input.size > size - at ||
		    memcmp(input.bytes, data + at, input.size) != 0)
			abort();
		at += input.size;
		/* What is no picture is as much as has come by then. */
		if (!failed)
			*hash = (*hash + input.size) * 0x9e3779b97f4a7c15;
		count++;
		free((void *)(uintptr_t)input.path);
		free((void *)(uintptr_t)input.bytes);
	}
	if (!failed && at != size)
		abort();
	frames_close(&frames);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t in_pieces, at_once;
	size_t how = size > 0 ? data[0] : 0;
	if (size > 0)
		data++, size--;
	check_beginning(data, size, size * how / 255);
	/* Not more than some 30 pieces: each is a copy of all before it. */
	size_t piece = 1 + how % 64 + size / 30;
	if (take_frames(data, size, piece, &in_pieces) != take_frames(data, size, size + 1, &at_once) ||
	    in_pieces != at_once)
		abort();
	return 0;
}
