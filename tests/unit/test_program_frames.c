/* Where a picture of a stream ends, by each of its first bytes. */
#include "unit.h"

#include "cli/input/frame_size.h"

#define BYTES(text) (text), sizeof(text) - 1

#define PNG "\x89PNG\r\n\x1a\n"
#define CRC "\0\0\0\0"

static void a_frame_is_whole_when_its_last_byte_is_there(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t n;

	} frames[] = {
		{ "grey", BYTES("P5 2 1 255\nab") },
		{ "grey, 16 bits", BYTES("P5 2 1 256\nabcd") },
		{ "colours", BYTES("P6\n1 2\n255\nabcdef") },
		{ "bits", BYTES("P4 9 2\nabcd") },
		{ "comments", BYTES("P5 # 9 9\n2#\r1\t\v\f 255 ab") },
		{ "nothing", BYTES("P5 2 0 255\n") },
		{ "JPEG", BYTES("\xff\xd8\xff\xe0\0\4ab\xff\xda\0\2x\xff\0\xff\xd7y\xff\xff\xd9") },
		{ "JPEG of two scans", BYTES("\xff\xd8\xff\xda\0\2xyz\xff\xc4\0\2\xff\xda\0\2x\xff\xd9") },
		{ "JPEG, filled up", BYTES("\xff\xd8\xff\xff\xff\xe0\0\2\xff\xd9") },
		{ "PNG", BYTES(PNG "\0\0\0\2IHDRab" CRC "\0\0\0\0IEND" CRC) },
		{ "BMP", BYTES("BM\x1c\0\0\0abcdefghijklmnopqrstuv") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		for (size_t n = 1; n <= frames[i].n; n++) {
			size_t size = 0;
			enum frame_state found = frame_size(&size, (const unsigned char *)frames[i].bytes, n);
			if (found != (n == frames[i].n ? FRAME_WHOLE : FRAME_PART))
				fail_msg("%s, %zu of %zu bytes: state %d", frames[i].what, n, frames[i].n,
				         (int)found);
			if (found == FRAME_WHOLE)
				assert_int_equal(size, n);
		}
	}
}

static void what_says_nothing_of_its_end_is_unknown(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} frames[] = {
		{ BYTES("P3 1 1 255\n") },
		{ BYTES("P7 ") },
		{ BYTES("GI") },
		{ BYTES("P5 x") },
		{ BYTES("P5 1 x") },
		{ BYTES("P5 1 1 x") },
		{ BYTES("P5 1 1 255x") },
		{ BYTES("P5 99999999999 1 1 ") },
		{ BYTES("P6 4000000000 4000000000 65535\n") },
		{ BYTES("\xff\xd8"
		        "abcd") },
		{ BYTES("\x89PNX") },
		{ BYTES(PNG "\xff\0\0\0IHDR") },
		{ BYTES("BM\x19\0\0\0") },
		{ BYTES("BM\xff\xff\xff\xff") },
		{ BYTES("BX") },
		{ BYTES("\xff\xd9") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		size_t size = 1;
		if (frame_size(&size, (const unsigned char *)frames[i].bytes, frames[i].n) != FRAME_UNKNOWN)
			fail_msg("%zu", i);
		assert_int_equal(size, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_whole_when_its_last_byte_is_there),
		cmocka_unit_test(what_says_nothing_of_its_end_is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
