#include "unit.h"

#include "clipcls.h"
#include "model/dtype.h"

#include <math.h>
#include <stdlib.h>

#define VALUES 65536

/* The definition: sign * 2^(exponent - bias) * 1.mantissa, or 0.mantissa at the lowest exponent. */
static double decode(unsigned bits, int exponent_bits, int mantissa_bits)
{
	int bias = (1 << (exponent_bits - 1)) - 1;
	int exponent = (int)(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
	double mantissa = (double)(bits & ((1u << mantissa_bits) - 1)) / (1 << mantissa_bits);
	double sign = bits >> 15 ? -1 : 1;
	if (exponent == (1 << exponent_bits) - 1)
		return mantissa == 0 ? sign * INFINITY : NAN;
	if (exponent == 0)
		return sign * ldexp(mantissa, 1 - bias);
	return sign * ldexp(1 + mantissa, exponent - bias);
}

static int exponent_bits_of(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? 5 : 8;
}

static int mantissa_bits_of(enum dtype dtype)
{
	return dtype == DTYPE_F16 ? 10 : 7;
}

static void all_values(uint16_t *out)
{
	for (size_t i = 0; i < VALUES; i++)
		out[i] = (uint16_t)i;
}

static void check_decoding(enum dtype dtype)
{
	static uint16_t bits[VALUES];
	static float floats[VALUES];
	all_values(bits);
	dtype_to_f32(floats, bits, dtype, VALUES);
	for (size_t i = 0; i < VALUES; i++) {
		double expected = decode((unsigned)i, exponent_bits_of(dtype), mantissa_bits_of(dtype));
		if (isnan(expected))
			assert_true(isnan(floats[i]));
		else
			assert_true((double)floats[i] == expected);
		assert_int_equal(signbit(floats[i]) != 0, i >> 15);
	}
}

static void every_f16_becomes_its_value(void **state)
{
	(void)state;
	check_decoding(DTYPE_F16);
}

static void every_bf16_becomes_its_value(void **state)
{
	(void)state;
	check_decoding(DTYPE_BF16);
}

static void check_round_trip(enum dtype dtype)
{
	static uint16_t bits[VALUES], again[VALUES];
	static float floats[VALUES];
	all_values(bits);
	dtype_to_f32(floats, bits, dtype, VALUES);
	dtype_from_f32(again, dtype, floats, VALUES);
	for (size_t i = 0; i < VALUES; i++)
		if (!isnan(floats[i]))
			assert_int_equal(again[i], i);
		else
			assert_true(isnan(decode(again[i], exponent_bits_of(dtype), mantissa_bits_of(dtype))));
}

static void every_16_bit_value_survives_a_round_trip(void **state)
{
	(void)state;
	check_round_trip(DTYPE_F16);
	check_round_trip(DTYPE_BF16);
}

static uint16_t rounded(double value, enum dtype dtype)
{
	float number = (float)value;
	uint16_t out;
	assert_true((double)number == value); /* the test's own values must not be rounded */
	dtype_from_f32(&out, dtype, &number, 1);
	return out;
}

/* Between each two neighbours: the middle goes to the even one, a little beside it to the nearer.
 */
static void check_rounding(enum dtype dtype, unsigned largest)
{
	int exponent_bits = exponent_bits_of(dtype), mantissa_bits = mantissa_bits_of(dtype);
	for (unsigned i = 0; i < largest; i++) {
		double low = decode(i, exponent_bits, mantissa_bits);
		double high = decode(i + 1, exponent_bits, mantissa_bits);
		double middle = (low + high) / 2;
		assert_int_equal(rounded(middle, dtype), i % 2 == 0 ? i : i + 1);
		assert_int_equal(rounded(-middle, dtype), 0x8000 | (i % 2 == 0 ? i : i + 1));
		assert_int_equal(rounded(nextafterf((float)middle, 0), dtype), i);
		assert_int_equal(rounded(nextafterf((float)middle, INFINITY), dtype), i + 1);
	}
}

static void f32_is_rounded_to_the_nearest_f16_and_ties_to_even(void **state)
{
	(void)state;
	check_rounding(DTYPE_F16, 0x7bff);
}

static void f32_is_rounded_to_the_nearest_bf16_and_ties_to_even(void **state)
{
	(void)state;
	check_rounding(DTYPE_BF16, 0x7f7f);
}

static void f16_overflows_from_65520_on(void **state)
{
	(void)state;
	assert_int_equal(rounded(65519.99609375, DTYPE_F16), 0x7bff);
	assert_int_equal(rounded(65520, DTYPE_F16), 0x7c00);
	assert_int_equal(rounded(-1e30f, DTYPE_F16), 0xfc00);
}

static void unaligned_input_is_read(void **state)
{
	static unsigned char bytes[2 * 77 + 1];
	float floats[77];
	(void)state;
	for (size_t i = 0; i < 77; i++) {
		bytes[1 + 2 * i] = (unsigned char)i;
		bytes[2 + 2 * i] = 0x3c;
	}
	dtype_to_f32(floats, bytes + 1, DTYPE_F16, 77);
	for (size_t i = 0; i < 77; i++)
		assert_true(floats[i] == 1 + (float)i / 1024);
}

static void infinities_and_nan_are_found_at_any_place(void **state)
{
	static const float bad[] = { INFINITY, -INFINITY, NAN };
	static const enum dtype dtypes[] = { DTYPE_F32, DTYPE_F16, DTYPE_BF16 };
	float values[67];
	unsigned char stored[sizeof values];
	(void)state;
	for (size_t d = 0; d < 3; d++) {
		for (size_t place = 0; place <= 67; place++) {
			for (size_t i = 0; i < 67; i++)
				values[i] = i == place ? bad[place % 3] : (float)i;
			dtype_from_f32(stored, dtypes[d], values, 67);
			assert_int_equal(dtype_all_finite(stored, dtypes[d], 67), place == 67);
		}
	}
}

static void names_and_sizes_belong_together(void **state)
{
	enum dtype dtype;
	(void)state;
	for (int i = DTYPE_F32; i <= DTYPE_F64; i++) {
		assert_true(dtype_from_name(&dtype, dtype_name((enum dtype)i)));
		assert_int_equal(dtype, i);
		assert_int_equal(dtype_is_weight(dtype), i <= DTYPE_BF16);
	}
	assert_int_equal(dtype_bytes(DTYPE_BF16), 2);
	assert_int_equal(dtype_bytes(DTYPE_I64), 8);
	assert_false(dtype_from_name(&dtype, "f32"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_f16_becomes_its_value),
		cmocka_unit_test(every_bf16_becomes_its_value),
		cmocka_unit_test(every_16_bit_value_survives_a_round_trip),
		cmocka_unit_test(f32_is_rounded_to_the_nearest_f16_and_ties_to_even),
		cmocka_unit_test(f32_is_rounded_to_the_nearest_bf16_and_ties_to_even),
		cmocka_unit_test(f16_overflows_from_65520_on),
		cmocka_unit_test(unaligned_input_is_read),
		cmocka_unit_test(infinities_and_nan_are_found_at_any_place),
		cmocka_unit_test(names_and_sizes_belong_together),
	};
	return cmocka_run_group_tests_name("model_dtype", tests, NULL, NULL);
}
