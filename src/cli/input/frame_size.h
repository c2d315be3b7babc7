/* Where a picture file ends that has others behind it. */
#ifndef CLIPCLS_CLI_INPUT_FRAME_SIZE_H
#define CLIPCLS_CLI_INPUT_FRAME_SIZE_H

#include <stdbool.h>
#include <stddef.h>

enum frame_state {
	FRAME_WHOLE,  /* *size bytes are one picture */
	FRAME_PART,   /* more bytes are needed to tell, or to have all of it */
	FRAME_UNKNOWN /* no picture of a format that says where it ends */
};

/* bytes[0..n): the beginning of a stream of binary PNM, JPEG, PNG or BMP files, one behind the
 * other. */
enum frame_state frame_size(size_t *size, const unsigned char *bytes, size_t n);

#endif
