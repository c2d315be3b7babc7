/* A SentencePiece model made by hand, field by field. */
#ifndef CLIPCLS_TESTS_TEST_SPIECE_H
#define CLIPCLS_TESTS_TEST_SPIECE_H

#include "base/buffer.h"
#include "base/float_bits.h"

#include <string.h>

enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };

static inline void put_varint(struct buffer *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buffer_byte(out, (char)(value | 0x80));
	buffer_byte(out, (char)value);
}

static inline void put_number(struct buffer *out, unsigned field, uint64_t value)
{
	put_varint(out, (uint64_t)field << 3);
	put_varint(out, value);
}

static inline void put_bytes(struct buffer *out, unsigned field, const char *bytes, size_t n)
{
	put_varint(out, (uint64_t)field << 3 | 2);
	put_varint(out, n);
	buffer_append(out, bytes, n);
}

static inline void put_piece(struct buffer *out, const char *text, float score, unsigned type)
{
	struct buffer piece = { 0 };
	uint32_t bits = bits_from_float(score);
	put_bytes(&piece, 1, text, strlen(text));
	buffer_byte(&piece, 2 << 3 | 5);
	for (unsigned i = 0; i < 4; i++)
		buffer_byte(&piece, (char)(bits >> 8 * i & 0xff));
	if (type != NORMAL)
		put_number(&piece, 3, type);
	put_bytes(out, 1, piece.bytes, piece.size);
	buffer_free(&piece);
}

/* 0 <pad>, 1 </s>, 2 <unk>, then what a test writes out. */
static inline void put_small_model(struct buffer *out)
{
	put_piece(out, "<pad>", 0, CONTROL);
	put_piece(out, "</s>", 0, CONTROL);
	put_piece(out, "<unk>", 0, UNKNOWN);
	put_piece(out, "\xe2\x96\x81", -2, NORMAL);
	put_piece(out,
	          "\xe2\x96\x81"
	          "cat",
	          -3, NORMAL);
	put_piece(out, "a", -4, NORMAL);
	put_piece(out, "c", -4, NORMAL);
	put_piece(out, "ca", -5, NORMAL);
	put_piece(out, "t", -4, NORMAL);
	put_piece(out, "xy", -1, UNUSED);
}

/* A map of one rule: "A" becomes `to`, 5 bytes at most. Units of a double-array trie: the root's
 * children are at 0 ^ 'A', that one's leaf at 'A' ^ 0x100. */
static inline void put_charsmap(struct buffer *out, const char *to)
{
	enum { UNITS = 0x200 };
	uint32_t units[UNITS] = { 0 };
	units[0] = 0x100u << 10;
	units['A' ^ 0x100] = 'A' | 0x100 | ('A' ^ 0x100 ^ 0x1ffu) << 10;
	units[0x1ff] = 0x80000000u;
	uint32_t size = UNITS * 4;
	for (unsigned i = 0; i < 4; i++)
		buffer_byte(out, (char)(size >> 8 * i & 0xff));
	for (size_t k = 0; k < UNITS; k++)
		for (unsigned i = 0; i < 4; i++)
			buffer_byte(out, (char)(units[k] >> 8 * i & 0xff));
	buffer_append(out, to, strlen(to) + 1);
}

#endif
