#include "nn/ops.h"

#include "nn/math_inline.h"
#include "base/vector.h"

#include <math.h>
#include <string.h>

static inline float sum_lanes(const float *lanes)
{
	float sum = 0;
	for (size_t i = 0; i < VECTOR_LANES; i++)
		sum += lanes[i];
	return sum;
}

VECTOR_CLONES
void layernorm(float *out, const float *x, const float *weight, const float *bias, size_t rows,
               size_t D, double eps)
{
	for (size_t row = 0; row < rows; row++, x += D, out += D) {
		float sums[VECTOR_LANES] = { 0 }, squares[VECTOR_LANES] = { 0 };
		size_t whole = D - D % VECTOR_LANES;
		for (size_t i = 0; i < whole; i += VECTOR_LANES)
			for (size_t l = 0; l < VECTOR_LANES; l++)
				sums[l] += x[i + l];
		for (size_t i = whole; i < D; i++)
			sums[i - whole] += x[i];
		float mean = sum_lanes(sums) / (float)D;
		/* A second pass: the mean of squares minus the square of the mean loses digits. */
		for (size_t i = 0; i < whole; i += VECTOR_LANES)
			for (size_t l = 0; l < VECTOR_LANES; l++)
				squares[l] += (x[i + l] - mean) * (x[i + l] - mean);
		for (size_t i = whole; i < D; i++)
			squares[i - whole] += (x[i] - mean) * (x[i] - mean);
		float variance = sum_lanes(squares) / (float)D;
		float scale = 1.0f / sqrtf(variance + (float)eps);
		for (size_t i = 0; i < D; i++)
			out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
	}
}

/* Each activation is a loop of its own: a switch inside would keep it from being vectorised. */
VECTOR_CLONES
static void quick_gelu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] / (1.0f + exp_approx(-1.702f * x[i]));
}

VECTOR_CLONES
static void gelu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = 0.5f * x[i] * (1.0f + erf_approx(x[i] * 0.70710678f));
}

/* 0.5x(1 + tanh(u)) = x * sigmoid(2u), u = sqrt(2/pi) * (x + 0.044715 x^3). */
VECTOR_CLONES
static void gelu_tanh(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		float u = 0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i]);
		x[i] = x[i] / (1.0f + exp_approx(-2.0f * u));
	}
}

VECTOR_CLONES
static void relu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = relu_inline(x[i]);
}

VECTOR_CLONES
static void silu(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = silu_inline(x[i]);
}

void activate(float *x, enum activation activation, size_t rows, size_t n, size_t stride)
{
	for (size_t row = 0; row < rows; row++, x += stride) {
		switch (activation) {
		case ACTIVATION_QUICK_GELU: quick_gelu(x, n); break;
		case ACTIVATION_GELU: gelu(x, n); break;
		case ACTIVATION_GELU_TANH: gelu_tanh(x, n); break;
		case ACTIVATION_RELU: relu(x, n); break;
		case ACTIVATION_SILU: silu(x, n); break;
		}
	}
}

VECTOR_CLONES
static float largest(const float *x, size_t n)
{
	float lanes[VECTOR_LANES];
	size_t whole = n - n % VECTOR_LANES;
	for (size_t l = 0; l < VECTOR_LANES; l++)
		lanes[l] = x[0];
	for (size_t i = 0; i < whole; i += VECTOR_LANES)
		for (size_t l = 0; l < VECTOR_LANES; l++)
			lanes[l] = x[i + l] > lanes[l] ? x[i + l] : lanes[l];
	float max = lanes[0];
	for (size_t l = 1; l < VECTOR_LANES; l++)
		max = lanes[l] > max ? lanes[l] : max;
	for (size_t i = whole; i < n; i++)
		max = x[i] > max ? x[i] : max;
	return max;
}

VECTOR_CLONES
void softmax_rows(float *x, size_t rows, size_t n, float scale)
{
	for (size_t row = 0; row < rows; row++, x += n) {
		/* Subtract the maximum: exp overflows above 88. */
		float max = largest(x, n) * scale;
		float sums[VECTOR_LANES] = { 0 };
		size_t whole = n - n % VECTOR_LANES;
		for (size_t i = 0; i < n; i++)
			x[i] = exp_approx(x[i] * scale - max);
		for (size_t i = 0; i < whole; i += VECTOR_LANES)
			for (size_t l = 0; l < VECTOR_LANES; l++)
				sums[l] += x[i + l];
		for (size_t i = whole; i < n; i++)
			sums[i - whole] += x[i];
		float inverse = 1.0f / sum_lanes(sums);
		for (size_t i = 0; i < n; i++)
			x[i] *= inverse;
	}
}

VECTOR_CLONES
void sigmoid(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = 1.0f / sigmoid_divisor(x[i]);
}

VECTOR_CLONES
void add(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += y[i];
}

VECTOR_CLONES
void multiply_each(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] *= y[i];
}

VECTOR_CLONES
float dot(const float *a, const float *b, size_t n)
{
	float sums[VECTOR_LANES] = { 0 };
	size_t whole = n - n % VECTOR_LANES;
	for (size_t i = 0; i < whole; i += VECTOR_LANES)
		for (size_t l = 0; l < VECTOR_LANES; l++)
			sums[l] += a[i + l] * b[i + l];
	for (size_t i = whole; i < n; i++)
		sums[i - whole] += a[i] * b[i];
	return sum_lanes(sums);
}

VECTOR_CLONES
double dot_double(const float *a, const float *b, size_t n)
{
	double lanes[VECTOR_LANES] = { 0 }, sum = 0;
	size_t whole = n - n % VECTOR_LANES;
	for (size_t i = 0; i < whole; i += VECTOR_LANES)
		for (size_t l = 0; l < VECTOR_LANES; l++)
			lanes[l] += (double)a[i + l] * b[i + l];
	for (size_t i = whole; i < n; i++)
		lanes[i - whole] += (double)a[i] * b[i];
	for (size_t l = 0; l < VECTOR_LANES; l++)
		sum += lanes[l];
	return sum;
}

VECTOR_CLONES
void add_scaled(float *out, const float *x, float scale, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] += scale * x[i];
}

void mean_rows(float *out, const float *x, size_t rows, size_t D)
{
	memset(out, 0, D * sizeof *out);
	for (size_t row = 0; row < rows; row++)
		add_scaled(out, x + row * D, 1.0f / (float)rows, D);
}

void normalize(float *x, size_t D)
{
	double square = 0;
	for (size_t i = 0; i < D; i++)
		square += (double)x[i] * x[i];
	if (square == 0)
		return;
	double inverse = 1.0 / sqrt(square);
	for (size_t i = 0; i < D; i++)
		x[i] = (float)(x[i] * inverse);
}
