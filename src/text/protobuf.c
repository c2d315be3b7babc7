#include "text/protobuf.h"

static uint64_t take_varint(struct protobuf *message)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && message->at < message->end; shift += 7) {
		unsigned char byte = (unsigned char)*message->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	message->broken = true;
	return 0;
}

static uint64_t take_fixed(struct protobuf *message, size_t bytes)
{
	uint64_t value = 0;
	if ((size_t)(message->end - message->at) < bytes) {
		message->broken = true;
		return 0;
	}
	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)*message->at++ << 8 * i;
	return value;
}

static void take_bytes(struct protobuf *message, struct protobuf_field *field)
{
	uint64_t size = take_varint(message);
	if (message->broken || size > (uint64_t)(message->end - message->at)) {
		message->broken = true;
		return;
	}
	field->bytes = message->at;
	field->size = (size_t)size;
	message->at += size;
}

bool protobuf_next(struct protobuf *message, struct protobuf_field *field)
{
	if (message->broken || message->at >= message->end)
		return false;
	uint64_t tag = take_varint(message);
	*field = (struct protobuf_field){ .number = tag >> 3 };
	switch (tag & 7) {
	case PROTOBUF_VARINT:
		field->type = PROTOBUF_VARINT;
		field->value = take_varint(message);
		break;
	case PROTOBUF_64:
		field->type = PROTOBUF_64;
		field->value = take_fixed(message, 8);
		break;
	case PROTOBUF_BYTES:
		field->type = PROTOBUF_BYTES;
		take_bytes(message, field);
		break;
	case PROTOBUF_32:
		field->type = PROTOBUF_32;
		field->value = take_fixed(message, 4);
		break;
	default: message->broken = true;
	}
	return !message->broken;
}
