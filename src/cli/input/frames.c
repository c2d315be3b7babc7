#include "cli/input/frames.h"

#include "cli/input/frame_size.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A frame larger than this is not waited for. */
#define FRAME_LIMIT ((size_t)1 << 30)

bool frames_open(struct frames *frames, const char *name)
{
	*frames = (struct frames){ .name = name };
	if (!reader_open(&frames->reader, name))
		frames->name = NULL;
	return frames->name != NULL;
}

void frames_close(struct frames *frames)
{
	reader_close(&frames->reader);
	frames->name = NULL;
}

static int fail(struct frames *frames, const char *reason, bool *failed)
{
	complain("%s: %s", strcmp(frames->name, "-") == 0 ? "stdin" : frames->name, reason);
	frames->ended = true;
	*failed = true;
	return CLIPCLS_NEXT_END;
}

/* The first n bytes held are the next frame. */
static int give(struct frames *frames, clipcls_input *out, size_t n, bool *failed)
{
	char *path = NULL, *bytes = malloc(n);
	if (bytes == NULL || asprintf(&path, "%s#%zu", frames->name, frames->count + 1) < 0) {
		free(bytes);
		return fail(frames, "out of memory", failed);
	}
	memcpy(bytes, frames->reader.bytes + frames->reader.start, n);
	reader_take(&frames->reader, n);
	frames->count++;
	*out = (clipcls_input){ .path = path, .bytes = bytes, .size = n };
	return CLIPCLS_NEXT_GIVEN;
}

/* What is held is no picture with a known end: its record says what is wrong with it. */
static int give_rest(struct frames *frames, clipcls_input *out, size_t held, bool *failed)
{
	char reason[96];
	snprintf(reason, sizeof reason,
	         "frame %zu is no PNM, JPEG, PNG or BMP file: no frame behind it can be found",
	         frames->count + 1);
	fail(frames, reason, failed);
	return give(frames, out, held, failed);
}

int frames_next(struct frames *frames, clipcls_input *out, bool wait, bool *failed)
{
	struct reader *reader = &frames->reader;
	while (!frames->ended) {
		size_t held = reader->end - reader->start, size = 0;
		enum frame_state state = FRAME_PART;
		if (held > 0)
			state = frame_size(&size, (const unsigned char *)reader->bytes + reader->start, held);
		if (state == FRAME_WHOLE)
			return give(frames, out, size, failed);
		if (state == FRAME_UNKNOWN)
			return give_rest(frames, out, held, failed);
		if (held > FRAME_LIMIT)
			return fail(frames, "a frame of more than 1 GiB", failed);
		switch (reader_read(reader, wait)) {
		case READER_MORE: break;
		case READER_LATER: return CLIPCLS_NEXT_LATER;
		case READER_END:
			frames->ended = true;
			/* A frame that was cut off is a record, too. */
			return held > 0 ? give(frames, out, held, failed) : CLIPCLS_NEXT_END;
		case READER_FAILED: return fail(frames, strerror(errno), failed);
		}
	}
	return CLIPCLS_NEXT_END;
}
