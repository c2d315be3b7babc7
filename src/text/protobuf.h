/* Walks a protobuf message field by field (protobuf.dev, "Encoding"). */
#ifndef CLIPCLS_TEXT_PROTOBUF_H
#define CLIPCLS_TEXT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
	const char *at, *end;
	bool broken; /* sticks */
};

struct protobuf_field {
	uint64_t number;
	enum { PROTOBUF_VARINT = 0, PROTOBUF_64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_32 = 5 } type;
	uint64_t value;    /* VARINT, 64 and 32 (the bits) */
	const char *bytes; /* BYTES */
	size_t size;
};

/* The next field; false at the end, and when the message is broken. Groups count as broken. */
bool protobuf_next(struct protobuf *message, struct protobuf_field *field);

#endif
