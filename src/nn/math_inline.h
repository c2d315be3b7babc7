/* Activations, with exp and erf as short branchless polynomials, so that loops over them vectorise;
 * libm's are calls. The coefficients are least-maximum fits made for this project over the stated
 * intervals. */
#ifndef CLIPCLS_NN_MATH_INLINE_H
#define CLIPCLS_NN_MATH_INLINE_H

#include "base/float_bits.h"

/* exp(x) = 2^n * exp(r), |r| <= ln(2)/2; relative error below 2e-7. x in [-87, 88], where floats
 * neither vanish nor overflow. */
static inline float exp_within(float x)
{
	const float rounder =
	    12582912.0f; /* 1.5 * 2^23: adding it leaves a whole number in the low bits */
	float shifted = x * 1.44269504f + rounder;
	float n = shifted - rounder;
	/* ln(2) in two parts: the first has zeros at its end, so n times it is exact. */
	float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
	float p = 0.0013956373f;
	p = p * r + 0.0083753286f;
	p = p * r + 0.0416660781f;
	p = p * r + 0.1666641307f;
	p = p * r + 0.5000000171f;
	p = p * r + 1.0f;
	p = p * r + 1.0f;
	uint32_t exponent = bits_from_float(shifted) - bits_from_float(rounder) + 127u;
	return p * float_from_bits(exponent << 23);
}

/* The same with x clamped to there. */
static inline float exp_approx(float x)
{
	x = x < -87.0f ? -87.0f : x;
	x = x > 88.0f ? 88.0f : x;
	return exp_within(x);
}

/* 1 + exp(-x), x clamped as for exp_approx, but by its bits: from comparisons of floats gcc makes a
 * path for each outcome, and in the caller a division on each of them, for every vector. A NaN
 * gives some number. */
static inline float sigmoid_divisor(float x)
{
	uint32_t bits = bits_from_float(-x), least = bits_from_float(-87.0f);
	bits = bits < least ? bits : least; /* negative numbers are the largest, by their size */
	int32_t number = (int32_t)bits, most = (int32_t)bits_from_float(88.0f);
	number = number < most ? number : most;
	return 1.0f + exp_within(float_from_bits((uint32_t)number));
}

static inline float relu_inline(float x)
{
	return x < 0.0f ? 0.0f : x; /* NaN stays */
}

static inline float silu_inline(float x)
{
	return x / sigmoid_divisor(x);
}

/* erf(x): an odd polynomial below 1, 1 - exp(-q(|x|)) above; absolute error below 2e-7. */
static inline float erf_approx(float x)
{
	float a = float_from_bits(bits_from_float(x) & 0x7fffffffu);
	float u = x * x;
	float small = 7.8891195e-05f;
	small = small * u - 8.0208413e-04f;
	small = small * u + 5.1895353e-03f;
	small = small * u - 2.6854445e-02f;
	small = small * u + 1.1283600e-01f;
	small = small * u - 3.7612627e-01f;
	small = small * u + 1.1283792e+00f;
	small = small * x;
	float b = a > 4.0f ? 4.0f : a; /* erf(4) is 1 in float */
	float q = 2.1686510e-05f;
	q = q * b - 4.4133239e-04f;
	q = q * b + 4.2045422e-03f;
	q = q * b - 2.5208204e-02f;
	q = q * b + 1.0841849e-01f;
	q = q * b + 6.3321997e-01f;
	q = q * b + 1.1295784e+00f;
	q = q * b - 1.8803185e-04f;
	float large = 1.0f - exp_approx(-q);
	large = x < 0.0f ? -large : large;
	return a < 1.0f ? small : large;
}

#endif
